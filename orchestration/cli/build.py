"""`footfall build`: dbt build, then publish when every test has passed."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from orchestration.build import BuildReport
from orchestration.build import build as run_build
from orchestration.cli.console import console, setting_text


def build(
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Build every table whole.")] = False,
    engine: Annotated[str, typer.Option(help="What computes the models: duckdb.")] = "duckdb",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each node why it would run; build nothing.")
    ] = False,
) -> None:
    """Build the marts from what has landed, test them, and publish them when every test passes."""
    if explain:
        tell_what_would_run()
    else:
        build_and_tell(full_refresh=full_refresh, engine=engine)


def tell_what_would_run() -> None:
    """Say of each node whether a build would run it and why, and how many there are of each kind."""
    from orchestration.build import explain

    found = explain()
    for node in found:
        name = node.node.split(".", 2)[-1].removeprefix(f"{node.node.split('.')[1]}.")
        console.print(
            f"{node.what:10}  {node.node.split('.')[0]} {name}{f': {node.why}' if node.why else ''}", markup=False
        )
    counts = Counter(node.what for node in found)
    console.print(
        f"{counts['runs']} of {len(found)} nodes would run, {counts['perhaps']} only if what they read comes out as "
        f"something else, {counts['up to date']} are up to date."
    )


def build_and_tell(home: Path | None = None, full_refresh: bool = False, engine: str = "duckdb") -> BuildReport:
    """Build with a progress bar and say in one or two lines what came of it."""
    started = time.monotonic()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[node]}", style="dim", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("Building", total=None, node="")

        def show(finished: int, total: int, node: str) -> None:
            what = "Publishing" if finished == total else "Building"
            bar.update(task, description=what, completed=finished, total=total, node="" if finished == total else node)

        report = run_build(home, full_refresh=full_refresh, engine=engine, progress=show)
    if report.left_over:
        console.print(f"Landed {report.left_over:,} events that `footfall serve` had received and left.")
    took = f"{time.monotonic() - started:.1f} s"
    for warning in report.warnings:
        console.print(Text.assemble(("warning", "yellow"), f" {warning}"))
    if report.nothing_new:
        console.print(f"Nothing new: publication {report.publication.name} is already built from all that has landed.")
        return report
    for changed in report.changed_settings:
        console.print(f"Setting {setting_text(changed)}.")
    why = ", ".join(f"{count} because {reason}" for reason, count in report.why.items())
    rest = f" ({why}; the others are up to date)" if report.ran < report.nodes else ""
    console.print(
        f"Built and tested {report.ran} of {report.nodes} nodes{rest}, published {report.publication.name} in {took}."
    )
    return report
