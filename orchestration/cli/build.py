"""`footfall build`: dbt build, then publish when every test has passed."""

from __future__ import annotations

import time
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
) -> None:
    """Build the marts from what has landed, test them, and publish them when every test passes."""
    build_and_tell(full_refresh=full_refresh, engine=engine)


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
    took = f"{time.monotonic() - started:.1f} s"
    if report.nothing_new:
        console.print(f"Nothing new: publication {report.publication.name} is already built from all that has landed.")
        return report
    for changed in report.changed_settings:
        console.print(f"Setting {setting_text(changed)}.")
    for warning in report.warnings:
        console.print(Text.assemble(("warning", "yellow"), f" {warning}"))
    console.print(f"Built and tested {report.nodes} nodes, published {report.publication.name} in {took}.")
    return report
