"""`footfall publish`: show what was built, list what is kept, go back."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from orchestration.cli.console import console


def publish(
    list_: Annotated[bool, typer.Option("--list", help="List the kept publications, newest first.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Show the publication before this one again.")] = False,
    publication_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Which one --rollback shows.")] = None,
) -> None:
    """Publish what the last build left, if it passed every test; or go back to an earlier publication."""
    from orchestration import build

    if publication_id and not rollback:
        raise typer.BadParameter("an id belongs to --rollback: footfall publish --rollback ID")
    if list_:
        _list()
    elif rollback:
        shown = build.roll_back(publication_id=publication_id)
        console.print(f"Readers now see {shown.name}. The next `footfall build` publishes forward again.")
    else:
        console.print(f"Published {build.publish().name}.")


def _list() -> None:
    from orchestration.settings import home
    from serving.publications import current_publication, list_publications, read_catalog

    folder = home()
    kept, current = list_publications(folder), current_publication(folder)
    if not kept:
        console.print(f"Nothing is published in {folder}. Run `footfall build`.")
        return
    table = Table("publication", "published at", "batches", "relations", "rows", "", box=None, header_style="bold")
    for publication in kept:
        catalog = read_catalog(publication)
        rows = sum(relation["rows"] or 0 for relation in catalog["relations"].values())
        table.add_row(
            publication.name,
            catalog["published_at"],
            f"{catalog['inputs']['batches']['count']:,}",
            str(len(catalog["relations"])),
            f"{rows:,}",
            Text("shown to readers", "green") if publication == current else "",
        )
    console.print(table)
