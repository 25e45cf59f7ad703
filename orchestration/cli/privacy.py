"""`footfall privacy`: what personal data are stored, and what is done about them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from ingest.privacy.key import key_file
from orchestration.cli.console import console
from orchestration.cli.erase import allow, opt_out
from orchestration.settings import home

privacy_app = typer.Typer(help="Look for personal data in what is stored.", no_args_is_help=True)


@privacy_app.command()
def scan() -> None:
    """Say which personal data are found in landing, in quarantine and in what is published; never what they are."""
    import duckdb

    from ingest.envelope import quoted
    from ingest.privacy.scan import scan as scanned
    from ingest.privacy.scan import scan_landing
    from serving.publications import current_publication

    folder = home()
    found = scan_landing(folder)
    if published := current_publication(folder):
        with duckdb.connect(str(published / "marts.duckdb"), read_only=True) as marts:
            relations = marts.execute(
                "select distinct table_name from duckdb_columns() where schema_name = 'main' and not internal "
                "and data_type in ('VARCHAR', 'JSON') order by 1"
            ).fetchall()
            for (name,) in relations:
                found += scanned(marts, quoted(name), name, folder)
    if not found:
        console.print("No personal data were found. What no name and no shape tells of is not found either.")
        return
    table = Table("where", "column", "kind", "rows", box=None, pad_edge=False)
    for each in found:
        table.add_row(each.place, each.column, each.kind, f"{each.rows:,}")
    console.print(table)


privacy_app.command()(allow)
privacy_app.command()(opt_out)


@privacy_app.command()
def pseudonym(
    ids: Annotated[list[str], typer.Argument(help="Ids of persons, devices, accounts or creators.")],
) -> None:
    """Say by which pseudonym readers know an id, where `pseudonymous_ids` hides it from them."""
    from serving.pseudonyms import Pseudonyms

    hidden = Pseudonyms(home())
    for each in ids:
        console.print(hidden.of(each.strip()))


@privacy_app.command()
def key() -> None:
    """Say where the key lies with which this home hashes: keep a copy of it apart from the home's data."""
    console.print(str(key_file(home())), soft_wrap=True)
