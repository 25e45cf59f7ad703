"""`footfall dashboards`: what is to be seen, checked, and how to write more of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import console

if TYPE_CHECKING:
    from serving.dashboards import Library

dashboards_app = typer.Typer(help="List, check and begin dashboards, which are YAML files.", no_args_is_help=True)


@dashboards_app.command("list")
def list_dashboards() -> None:
    """List every dashboard with its owner and its figures."""
    from rich.table import Table

    library, _ = _library()
    table = Table("dashboard", "title", "owner", "figures", box=None, pad_edge=False, header_style="bold")
    for one in library.chosen([]):
        table.add_row(one.name, one.title, one.owner.name, ", ".join(placed.figure for placed in one.figures))
    console.print(table)


@dashboards_app.command("check")
def check_dashboards() -> None:
    """Check every dashboard and figure: keys, names, and, where something is published, that each one can be read.

    Exits with status 2 and a line for each fault.
    """
    from serving.dashboards import faults_of
    from serving.figures import open_source
    from serving.publications import NothingPublishedError

    library, folder = _library()
    try:
        faults = faults_of(library, open_source(folder))
        read = "all of them read what is published"
    except NothingPublishedError:
        faults, read = [], "nothing is published yet for them to read"
    if faults:
        typer.echo("\n".join(faults), err=True)
        raise typer.Exit(2)
    console.print(f"{len(library.dashboards)} dashboards and {len(library.figures)} figures are sound; {read}.")


@dashboards_app.command("new")
def new_dashboard(
    name: Annotated[str, typer.Argument(help="Its name: lower case, digits and _.", show_default=False)],
    home: Annotated[Path | None, typer.Option(help="The home to write it to; FOOTFALL_HOME, else ./.footfall.")] = None,
) -> None:
    """Begin a dashboard in the home, with the schemas by which editors complete and check it."""
    from orchestration.settings import home as enter
    from serving.dashboards import begin
    from serving.figures import FigureError

    try:
        path = begin(enter(home and home.expanduser()), name)
    except FigureError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    console.print(f"Wrote {path}. Edit it, then `footfall dashboards check` and `footfall report --dashboard {name}`.")


@dashboards_app.command("exposures")
def write_exposures() -> None:
    """Write models/_dashboards.yml of the dbt project: each dashboard as an exposure with its owner."""
    from orchestration.exposures import write
    from orchestration.settings import project_dir

    library, _ = _library()
    console.print(f"Wrote {write(library, project_dir())}.")


def _library() -> tuple[Library, Path]:
    from orchestration.settings import home, project_dir
    from serving.dashboards import read_library
    from serving.figures import FigureError

    folder = home()
    try:
        return read_library(project_dir(), folder), folder
    except FigureError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
