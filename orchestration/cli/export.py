"""`footfall export`: what is published, taken along as files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import console, errors, refusing
from orchestration.cli.erase import Devices, Users

ALL = "marts"


def export(
    to: Annotated[
        Path, typer.Option(help=f"The file: of {ALL} FILE.duckdb, of one FILE.csv, .parquet or .xlsx; of a person DIR.")
    ],
    what: Annotated[
        str, typer.Argument(help=f"`{ALL}` for all of them, or one by its name, such as fct_sessions.")
    ] = "",
    user_id: Users = None,
    anonymous_id: Devices = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file of that name.")] = False,
    home: Annotated[Path | None, typer.Option(help="The home to read; FOOTFALL_HOME, else ./.footfall.")] = None,
) -> None:
    """Write what is published into a file that can be taken anywhere, or all that is held of a person into a folder.

    Exits with status 2 where that cannot be, with 1 where nothing is published.
    """
    if bool(what) == bool(user_id or anonymous_id):
        typer.echo(
            f"Say what to export: `{ALL}`, one by its name, or a person by --user-id or --anonymous-id.", err=True
        )
        raise typer.Exit(2)
    if not what:
        _export_person(user_id or (), anonymous_id or (), to, home)
        return
    from orchestration.settings import home as enter
    from serving.export import ExportError, export_mart, export_marts

    folder, file = enter(home and home.expanduser()), to.expanduser()
    with refusing(ExportError):
        if what == ALL:
            wrote = f"{export_marts(folder, file, replace=replace)} marts"
        else:
            wrote = f"{export_mart(folder, what, file, replace=replace):,} rows"
    console.print(f"Wrote {file}: {wrote}, {file.stat().st_size / 1e6:.1f} MB.")


def _export_person(users: Collection[str], devices: Collection[str], to: Path, home: Path | None) -> None:
    from orchestration.disclosure import DisclosureError, disclose
    from orchestration.erasure import ErasureError
    from orchestration.settings import home as enter

    with refusing(DisclosureError, ErasureError):
        written = disclose(enter(home and home.expanduser()), users, devices, to)
    for name, rows in written.rows.items():
        console.print(f"{rows:>12,}  {name}")
    console.print(f"Wrote {written.folder}: {len(written.rows)} tables, and what they mean.", soft_wrap=True)
    if written.unbuilt:
        errors.print(f"{written.unbuilt} batches landed since the last build, which marts know nothing of yet.")
    if written.waiting:
        errors.print(f"{written.waiting} requests that name the person have not landed yet; they will in seconds.")
