"""`footfall keys`: who may send, read and run."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer
from rich.table import Table

from ingest.collector.keys import Keys, UnknownKey
from orchestration.cli.console import console, errors
from orchestration.settings import home

keys_app = typer.Typer(help="Make, list and revoke the keys of a home.", no_args_is_help=True)


@keys_app.command()
def create(
    app: Annotated[str, typer.Option(help="Whose events the key sends or reads; an admin key has every app.")] = "*",
    kind: Annotated[Literal["write", "read", "admin"], typer.Option(help="What the key may do.")] = "write",
    public_name: Annotated[
        str | None,
        typer.Option(help="A name that SDKs without a secret send: a site's domain (Plausible), an app id (Snowplow)."),
    ] = None,
) -> None:
    """Make a key and show it, this once."""
    if kind != "admin" and app in ("", "*"):
        errors.print("Name the app that the key belongs to: --app NAME. Only an admin key has every app.")
        sys.exit(2)
    if kind != "write" and public_name:
        errors.print("Only a write key can be a public name. Leave out --public-name.")
        sys.exit(2)
    try:
        key, secret = Keys(home()).create(kind, "*" if kind == "admin" else app, public_name)
    except ValueError as error:
        errors.print(str(error))
        sys.exit(2)
    errors.print(f"Key {key.id} ({key.kind}, app {key.app}). It is shown this once; only its digest is kept.")
    console.print(secret, soft_wrap=True)


@keys_app.command("list")
def list_keys() -> None:
    """Show which keys there are; the keys themselves are not kept."""
    known = Keys(home()).list()
    if not known:
        console.print("There are no keys: `footfall serve` receives from this machine alone.")
        return
    table = Table("id", "kind", "app", "made", "public name", box=None, pad_edge=False)
    for key in known:
        table.add_row(key.id, key.kind, key.app, key.created_at, "yes" if key.is_public else "")
    console.print(table)


@keys_app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Its id, as `footfall keys list` shows it.")]) -> None:
    """Take a key away; what it sent stays."""
    try:
        key = Keys(home()).revoke(key_id)
    except UnknownKey as error:
        errors.print(str(error.args[0]))
        sys.exit(2)
    console.print(f"Key {key.id} ({key.kind}, app {key.app}) is revoked.")
