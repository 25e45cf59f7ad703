"""`footfall report`: dashboards as one HTML file."""

from __future__ import annotations

import webbrowser
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import console, refusing


def report(
    dashboard: Annotated[
        list[str] | None, typer.Option(help="A dashboard by its name; may be given several times. Default: all.")
    ] = None,
    app: Annotated[str | None, typer.Option(help="Of one app; default: of all.")] = None,
    segment: Annotated[str | None, typer.Option(help="Of one segment, such as country=FR or channel=Email.")] = None,
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; default: twelve months ago.")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; default: the data's last.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write; default: report.html in the home.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    home: Annotated[Path | None, typer.Option(help="The home to read; FOOTFALL_HOME, else ./.footfall.")] = None,
) -> None:
    """Write dashboards as one HTML file that opens anywhere: no server, no request to the outside, printable."""
    from orchestration.settings import home as enter
    from serving.figures import FigureError

    folder = enter(home and home.expanduser())
    with refusing(FigureError):
        path = write_report(folder, out, dashboard or [], app, from_ and from_.date(), to and to.date(), segment)
    console.print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB). Open it in a browser.")
    if open_:
        webbrowser.open(path.as_uri())


def write_report(
    home: Path,
    out: Path | None = None,
    names: list[str] | None = None,
    app: str | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    segment: str | None = None,
) -> Path:
    """Write a report of what is published in a home and return its absolute path.

    Raises:
        FigureError: when a dashboard, figure, app or range is wrong.
        NothingPublishedError, HomeMovedError: as any reader.
    """
    from orchestration.settings import project_dir
    from serving.dashboards import read_library
    from serving.figures import open_source
    from serving.report import report as made

    library = read_library(project_dir(), home)
    source = open_source(home)
    dashboards = library.chosen(names or [])
    filters = source.filters(app, date_from, date_to, segment)
    title = dashboards[0].title if len(dashboards) == 1 else app or "Footfall"
    path = (out.expanduser() if out else home / "report.html").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made(library, dashboards, source, filters, title), encoding="utf-8")
    return path
