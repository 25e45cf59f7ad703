"""`footfall export`: what is published, taken along as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import console, refusing

ALL = "marts"


def export(
    what: Annotated[str, typer.Argument(help=f"`{ALL}` for all of them, or one by its name, such as fct_sessions.")],
    to: Annotated[Path, typer.Option(help=f"The file: of {ALL} FILE.duckdb, of one FILE.csv, .parquet or .xlsx.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file of that name.")] = False,
    home: Annotated[Path | None, typer.Option(help="The home to read; FOOTFALL_HOME, else ./.footfall.")] = None,
) -> None:
    """Write what is published into a file that can be taken anywhere.

    Exits with status 2 where that cannot be, with 1 where nothing is published.
    """
    from orchestration.settings import home as enter
    from serving.export import ExportError, export_mart, export_marts

    folder, file = enter(home and home.expanduser()), to.expanduser()
    with refusing(ExportError):
        if what == ALL:
            wrote = f"{export_marts(folder, file, replace=replace)} marts"
        else:
            wrote = f"{export_mart(folder, what, file, replace=replace):,} rows"
    console.print(f"Wrote {file}: {wrote}, {file.stat().st_size / 1e6:.1f} MB.")
