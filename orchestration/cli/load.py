"""`footfall load` and `footfall quarantine`: files into landing, and the way back for what could not land."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ingest import BatchReceipt, LoadFailed, quarantine
from ingest import load as load_files
from ingest.landing.batches import list_batches
from orchestration.cli.console import console, errors
from orchestration.cli.interrupts import is_interrupt

quarantine_app = typer.Typer(help="List, look at and replay what could not land.", no_args_is_help=True)

PROGRESS_AFTER_SECONDS = 1.0
BATCH_ID_LENGTH = 29
WHO_OPTED_OUT = "persons who opted out, or who refuse it in the event"


class _Bar:
    """A progress bar that appears once a load turns out to be long, and only where somebody watches."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.progress: Progress | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress:
            self.progress.stop()

    def __call__(self, name: str, share: float) -> None:
        if self.progress is None:
            if time.monotonic() - self.started < PROGRESS_AFTER_SECONDS:
                return
            name_column = TextColumn("{task.description}", markup=False)
            columns = (name_column, BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
            self.progress = Progress(*columns, console=errors, transient=True)
            self.progress.start()
        task = next((task for task in self.progress.tasks if task.description == Path(name).name), None)
        task_id = task.id if task else self.progress.add_task(Path(name).name, total=1.0)
        self.progress.update(task_id, completed=share)


def load(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.", show_default=False)],
    format: Annotated[str, typer.Option(help="auto, ndjson, csv or parquet: files of envelopes.")] = "auto",
    kind: Annotated[str, typer.Option(help="events, or spend: money spent on channels, by day.")] = "events",
    mapping: Annotated[str | None, typer.Option(help="A mapping for another shape: a name or a YAML file.")] = None,
    app: Annotated[str | None, typer.Option(help="The app of events that name none.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA zone of times that carry none; UTC unless told.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the receipts as JSON lines.")] = False,
) -> None:
    """Read files of any size into landing; nothing is taken twice, and nothing is lost in silence.

    What breaks the tracking plan lands and is told, or is quarantined where `plan_violations` says so.
    """
    from orchestration.settings import home

    _land_leftovers(home())
    started = datetime.now(UTC)
    failures: list[tuple[str, str]] = []
    with _Bar() as bar:
        try:
            receipts = load_files(
                paths,
                home(),
                format=format,
                kind=kind,
                mapping=mapping,
                app=app,
                timezone=timezone,
                progress=bar if errors.is_terminal and not json_output else None,
            )
        except LoadFailed as failed:
            receipts, failures = failed.receipts, failed.failures
        except (KeyboardInterrupt, RuntimeError) as error:
            if not is_interrupt(error):
                raise
            _print(_landed_since(started, paths, home()), json_output)
            raise KeyboardInterrupt from None
    _print(receipts, json_output)
    for _, message in failures:
        print(f"footfall: {message}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _land_leftovers(home: Path) -> None:
    """Land what a killed server left, beside the files: it was received before them."""
    from ingest.collector.landing import LandingFailed, land_leftovers

    try:
        receipts = land_leftovers(home)
    except LandingFailed as failed:
        receipts = failed.receipts
        print(f"footfall: received events wait, and cannot land: {failed}", file=sys.stderr)
    if receipts:
        received = sum(receipt.received for receipt in receipts)
        errors.print(f"Landed {received:,} events that `footfall serve` had received and left.", soft_wrap=True)


def _landed_since(started: datetime, paths: list[Path], home: Path) -> list[BatchReceipt]:
    """The batches of these files that a load, interrupted since, had committed."""
    batches = (batch for batch in list_batches(home) if batch.loaded_at >= started)
    return [batch for batch in batches if any(Path(batch.source.name).is_relative_to(path) for path in paths)]


def _print(receipts: list[BatchReceipt], json_output: bool) -> None:
    if json_output:
        for receipt in receipts:
            print(receipt.model_dump_json())
        return
    if not receipts:
        return
    table = Table("file", box=None, pad_edge=False)
    for count in ("received", "accepted", "duplicate", "quarantined"):
        table.add_column(count, justify="right")
    table.add_column("batch", no_wrap=True, min_width=BATCH_ID_LENGTH)
    for receipt in receipts:
        counts = (receipt.received, receipt.accepted, receipt.duplicate, receipt.quarantined)
        table.add_row(Path(receipt.source.name).name, *(f"{count:,}" for count in counts), receipt.batch_id)
    console.print(table)
    for receipt in receipts:
        if not receipt.received:
            what = "no events" if receipt.left_out else "no rows"
            console.print(f"{receipt.source.name} holds {what}.")
        for events, whose in ((receipt.suppressed, "persons who were erased"), (receipt.opted_out, WHO_OPTED_OUT)):
            if events:
                told = f"{Path(receipt.source.name).name}: {events:,} events of {whose} were not stored."
                errors.print(told, soft_wrap=True)
        if receipt.left_out:
            console.print(
                f"{Path(receipt.source.name).name}: {receipt.left_out:,} rows left out, because no `when` of the "
                "mapping lets them through. To keep such rows in quarantine: `unmatched: quarantine` in the mapping.",
                soft_wrap=True,
            )
        if receipt.quarantined:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in receipt.quarantined_by_reason.items())
            console.print(
                f"{Path(receipt.source.name).name}: {receipt.quarantined:,} could not land ({reasons}). "
                f"Look at them: footfall quarantine show {receipt.batch_id}",
                soft_wrap=True,
            )
        if receipt.advice:
            console.print(receipt.advice, soft_wrap=True)


@quarantine_app.command("list")
def list_quarantined() -> None:
    """List the batches that hold quarantined rows, by reason."""
    from orchestration.settings import home

    batches = quarantine.list(home())
    if not batches:
        console.print("The quarantine is empty.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("batch", no_wrap=True, min_width=BATCH_ID_LENGTH)
    for column in ("file", "rows", "reasons", "replayed as"):
        table.add_column(column)
    for batch in batches:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in batch.reasons.items())
        table.add_row(
            batch.batch_id, Path(batch.source.name).name, f"{batch.rows:,}", reasons, batch.replayed_as or "-"
        )
    console.print(table)


@quarantine_app.command("show")
def show(
    batch_id: Annotated[str, typer.Argument(help="The batch, as 'footfall quarantine list' names it.")],
    limit: Annotated[int, typer.Option(help="How many rows to show.", min=1)] = 20,
    raw_to: Annotated[Path | None, typer.Option(help="Write all raw rows to this file, to mend them.")] = None,
) -> None:
    """Show the quarantined rows of a batch: where they stood, why they are here, what they say."""
    from orchestration.settings import home

    if raw_to:
        quarantine.write_raw(home(), batch_id, raw_to)
        console.print(
            f"Wrote the rows to {raw_to}. Mend them, then: footfall quarantine replay {batch_id} --file {raw_to}"
        )
        return
    table = Table("row", "reason", "detail", "raw", box=None, pad_edge=False)
    for row in quarantine.read(home(), batch_id, limit):
        table.add_row(
            str(row.row_number),
            row.reason,
            (row.detail or "")[:60],
            repr(row.raw[:200].decode("utf-8", "replace"))[1:-1],
        )
    console.print(table)


@quarantine_app.command("replay")
def replay(
    batch_id: Annotated[str, typer.Argument(help="The batch, as 'footfall quarantine list' names it.")],
    file: Annotated[Path | None, typer.Option(help="The rows as mended by hand.")] = None,
    mapping: Annotated[str | None, typer.Option(help="A mended mapping.")] = None,
    app: Annotated[str | None, typer.Option(help="Another app.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Another IANA zone.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Load the quarantined rows of a batch again, after a fix; what had landed is not taken twice."""
    from orchestration.settings import home

    _print([quarantine.replay(home(), batch_id, file=file, mapping=mapping, app=app, timezone=timezone)], json_output)
