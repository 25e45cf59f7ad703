"""`footfall retract`, `erase`, `retention`, `footfall privacy allow` and `opt-out`: take back, forget, do not count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from orchestration.cli.console import console, errors
from orchestration.settings import home

# what a dry run counts where nobody has said how long events are kept
RETENTION_DAYS = 365
Users = Annotated[list[str] | None, typer.Option("--user-id", help="The id of a user; may be said several times.")]
Devices = Annotated[list[str] | None, typer.Option("--anonymous-id", help="The id of a device.")]
NoBuild = Annotated[bool, typer.Option("--no-build", help="Leave the build to the next `footfall build`.")]


def retract(
    batches: Annotated[list[str], typer.Argument(help="Batches, as `footfall load` and `footfall status` name them.")],
    no_build: NoBuild = False,
) -> None:
    """Take wrong files back: the next build, a whole one, knows nothing of them; they can be loaded again."""
    from ingest.landing.taking_back import repeats_of
    from orchestration.erasure import retract as take_back

    folder = home()
    later = repeats_of(folder, batches)
    receipt = take_back(folder, batches)
    console.print(f"Took back {_rows(receipt.rows)}. Receipt {receipt.id}.")
    for batch in later:
        errors.print(
            f"{batch.source.name} was loaded later, and {batch.duplicate:,} of its rows were left out as copies of "
            "what had landed. If they were copies of what is gone now, load it again.",
            soft_wrap=True,
        )
    _build(no_build)


def erase(
    user_id: Users = None,
    anonymous_id: Devices = None,
    verify: Annotated[str | None, typer.Option(help="A receipt: look for what is left of these ids.")] = None,
    no_build: NoBuild = False,
) -> None:
    """Forget a person, their devices and merged ids, everywhere; what they send again is not stored."""
    from orchestration import erasure

    folder = home()
    told = erasure.as_stored(folder, user_id or (), anonymous_id or ())
    if verify:
        found = erasure.verify(folder, erasure.read_receipt(folder, verify), told)
        for place in found:
            console.print(place, soft_wrap=True)
        if found:
            errors.print(f"Still found in {len(found)} files.")
            raise typer.Exit(1)
        console.print("Nothing is found: every file of the home was read, compressed and columnar ones opened.")
        return
    build = None if no_build else lambda _: _build(no_build)
    receipt = erasure.erase(folder, user_id or (), anonymous_id or (), build)
    console.print(
        f"Erased {receipt.ids['user']} ids of users and {receipt.ids['device']} of devices: {_rows(receipt.rows)}; "
        f"{receipt.files} logs and records that named them. Receipt {receipt.id}.",
        soft_wrap=True,
    )
    _build(no_build)


def retention(
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="What happened before this day goes; by default what is older than the setting."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    no_build: NoBuild = False,
) -> None:
    """Remove what is older than `data_retention_days`, as if it had never been sent; marts are made of what is left."""
    from forwarding.settings import ForwardingSettings
    from ingest.landing.taking_back import rows_before
    from orchestration import erasure

    folder = home()
    said = ForwardingSettings().data_retention_days  # type: ignore[call-arg]
    if before is None and said is None and not dry_run:
        raise erasure.ErasureError(
            "Nobody has said how long events are kept, and no default removes any. Run `footfall config set "
            f"data_retention_days {RETENTION_DAYS}` or name a day by --before; --dry-run tells what would go."
        )
    days = timedelta(days=said or RETENTION_DAYS)
    day = before.date() if before else datetime.now(UTC).date() - days
    if dry_run:
        console.print(f"Before {day}: {_rows(rows_before(folder, day))} would go, and all that marts say of them.")
        return
    receipt = erasure.retain(folder, day)
    if receipt is None:
        console.print(f"Nothing is from before {day}.")
        return
    console.print(f"Removed what was before {day}: {_rows(receipt.rows)}. Receipt {receipt.id}.")
    _build(no_build)


def allow(user_id: Users = None, anonymous_id: Devices = None) -> None:
    """Store events of somebody again who was erased or opted out, because they consented anew."""
    from orchestration.erasure import allow as let_in

    gone = let_in(home(), user_id or (), anonymous_id or ())
    console.print("They were on no list." if not gone else "Their events are stored from now on.")


def opt_out(user_id: Users = None, anonymous_id: Devices = None) -> None:
    """Store nothing of somebody from now on, who does not want to be counted. What is stored of them stays."""
    from ingest.privacy.suppression import choose
    from orchestration.erasure import as_stored

    folder = home()
    choose(folder, as_stored(folder, user_id or (), anonymous_id or ()), opts_out=True)
    console.print("Their events are counted and not stored from now on.")


def _rows(rows: dict[str, int]) -> str:
    return " and ".join(f"{n:,} rows of {place}" for place, n in rows.items())


def _build(no_build: bool) -> None:
    if no_build:
        console.print("What is published shows them until the next `footfall build`.")
        return
    from orchestration.cli.build import build_and_tell

    build_and_tell()
