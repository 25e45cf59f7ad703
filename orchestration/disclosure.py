# ruff: noqa: S608 (names and literals are quoted by envelope.quoted and envelope.literal)
"""All that is held of a person, as files for that person: rows as JSON and CSV, and what each table and column means.

The folder is a data package (`datapackage.json`, of the Frictionless standard), which programs read by themselves.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from ingest.collector.landing import land_leftovers
from ingest.collector.spool import spool_dir
from ingest.envelope import literal, quoted
from ingest.landing import taking_back
from ingest.landing.batches import list_batches
from ingest.landing.paths import quarantine_dir
from ingest.landing.taking_back import DEVICE, IS_THEIRS, NAMES_THEM, USER, Id
from ingest.privacy.suppression import OPTED_OUT, SUPPRESSED, Suppression
from orchestration.build import must_forget
from orchestration.erasure import as_stored, log, now, with_all_of
from orchestration.lock import persons_lock
from orchestration.settings import home as enter
from serving.pseudonyms import INPUT, Pseudonyms
from serving.publications import current_publication, read_catalog, refuse_moved_home

PACKAGE = "datapackage.json"
LANDED = "Events of this person as they landed, before anything was made of them."
LANDED_COLUMNS = {
    "content_hash": "A number made of what the event says, by which copies of it are found.",
    "timezone": "The zone of times that named none, where it was not UTC.",
    "agent_device_type": "What the user agent, which is not kept, said of the device.",
    "agent_os": "What it said of the operating system.",
    "agent_browser": "What it said of the browser.",
    "ip_country": "The country of the address, which is not kept.",
}
REFUSED = "Rows that name this person and could not be taken as events: where they stood, why, and what they say."
OF_THEIR_EVENTS = "(app, event_id) in (select (app, event_id) from their_events)"
# by which columns a table knows whose its rows are, the surest first; a unit may be an account that has a person's name
WHOSE = {
    ("person_id",): "person_id in (from theirs)",
    ("unit", "unit_id"): "unit = 'person' and unit_id in (from theirs)",
    ("unit_id", "app", "event_id"): f"unit_id in (from theirs) and {OF_THEIR_EVENTS}",
    ("user_id",): f"user_id in (select id from published_ids where kind = '{USER}')",
    ("anonymous_id",): f"anonymous_id in (select id from published_ids where kind = '{DEVICE}')",
    ("app", "event_id"): OF_THEIR_EVENTS,
}
KINDS = {"BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "datetime", "DOUBLE": "number", "DECIMAL": "number"}


class DisclosureError(Exception):
    """It cannot be written, and nothing was."""


@dataclass(frozen=True)
class Disclosure:
    """What was written.

    Attributes:
        rows: how many rows, by table.
        waiting: how many requests that name the person have been received and not landed: they are not in it yet.
        unbuilt: how many batches landed after the publication, of which marts know nothing yet.
    """

    folder: Path
    rows: dict[str, int]
    waiting: int
    unbuilt: int


def disclose(home: Path, users: Collection[str], devices: Collection[str], to: Path) -> Disclosure:
    """Write all that is held of a person, and of what they were found to be, into a folder that is not there yet.

    Raises:
        DisclosureError: when there is such a folder, or what is published is to be forgotten.
        orchestration.erasure.ErasureError: when nobody is named.
        orchestration.lock.HomeIsBusyError: while somebody is forgotten, or another is gathered.
        serving.publications.HomeMovedError: as any reader.
    """
    home, to = enter(home), to.expanduser().resolve()
    if to.exists():
        raise DisclosureError(f"{to} is there already. Name a folder that is not, lest two persons' data be mixed.")
    told = as_stored(home, users, devices)
    with persons_lock(home, "footfall export"):
        return _disclose(home, told, to)


def _disclose(home: Path, told: set[Id], to: Path) -> Disclosure:
    land_leftovers(home)
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    part.mkdir(mode=0o700)
    try:
        with duckdb.connect() as connection:
            written = _Written(connection, part)
            relations, unbuilt, hidden = _open_marts(connection, home)
            ids = _all_of(connection, home, relations, told, hidden) if relations else told
            taking_back.ask_for(connection, ids)
            _name_as_published(connection, ids, hidden)
            _write_landing(written, home, relations)
            _write_quarantine(written, home)
            _write_marts(written, relations)
        waiting = _waiting(home, ids)
        about = {
            "name": "all-that-is-held-of-a-person",
            "created": now(),
            "ids": [{"kind": each.kind, "id": each.id, "app": each.app} for each in sorted(ids, key=_order)],
            "lists": {name: _are_listed(home, name, ids) for name in (SUPPRESSED, OPTED_OUT)},
            "requests_not_landed_yet": waiting,
            "batches_not_built_yet": unbuilt,
            "resources": written.resources,
        }
        (part / PACKAGE).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n")
        part.rename(to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    log(home, {"at": about["created"], "what": "export", "rows": sum(written.rows.values())})
    return Disclosure(to, written.rows, waiting, unbuilt)


class _Written:
    """The tables of a folder, each as JSON and as CSV."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection, self._folder = connection, folder
        self.resources: list[dict[str, Any]] = []
        self.rows: dict[str, int] = {}

    def write(self, name: str, query: str, description: str, columns: dict[str, str]) -> None:
        """Write the rows of a query; a table that holds nothing of the person is none."""
        self.connection.execute(f"create or replace temp table written as {query}")
        (count,) = self.connection.execute("select count(*) from written").fetchone() or (0,)
        if not count:
            return
        for kind, options in (("json", "format json, array true"), ("csv", "format csv, header true")):
            file = literal(self._folder / f"{name}.{kind}")
            self.connection.execute(f"copy (from written order by all) to {file} ({options})")
        types = self.connection.execute("select column_name, column_type from (describe written)").fetchall()
        fields = [
            {"name": column, "type": _kind(of_type), "description": columns.get(column, "")}
            for column, of_type in types
        ]
        self.rows[name] = count
        self.resources.append(
            {
                "name": name,
                "path": f"{name}.csv",
                "json": f"{name}.json",
                "description": " ".join(description.split()),
                "rows": count,
                "schema": {"fields": fields},
            }
        )


def _kind(of_type: str) -> str:
    plain = of_type.partition("(")[0].partition(" ")[0]
    return "integer" if plain.endswith("INT") or plain.endswith("INTEGER") else KINDS.get(plain, "string")


def _order(each: Id) -> tuple[str, str, str]:
    return each.kind, each.id, each.app or ""


def _open_marts(connection: duckdb.DuckDBPyConnection, home: Path) -> tuple[dict[str, Any], int, Pseudonyms | None]:
    """Attach what is published as `marts`; return its relations, how many batches came later, and its pseudonyms."""
    landed = len(list_batches(home))
    if (current := current_publication(home)) is None:
        return {}, landed, None
    refuse_moved_home(home, current)
    if must_forget(home).exists():
        raise DisclosureError(
            "What is published still shows what was erased or taken back: run `footfall build`, then this again."
        )
    catalog = read_catalog(current)
    connection.execute(f"attach {literal(current / 'marts.duckdb')} as marts (read_only)")
    # what is published now counts, whatever the setting says of the next publication
    hidden = Pseudonyms(home) if INPUT in catalog["inputs"] else None
    if hidden and hidden.name != catalog["inputs"][INPUT]:
        raise DisclosureError("What is published has pseudonyms of another key: run `footfall build`, then this again.")
    return catalog["relations"], max(0, landed - catalog["inputs"]["batches"]["count"]), hidden


def _all_of(
    connection: duckdb.DuckDBPyConnection,
    home: Path,
    relations: dict[str, Any],
    told: set[Id],
    hidden: Pseudonyms | None,
) -> set[Id]:
    """The ids of the persons that these are of, as they landed, by what is published of who is who."""
    identities = _named(relations, "int_identities")
    if hidden is None:
        return with_all_of(connection, identities, told)
    found = with_all_of(connection, identities, {replace(each, id=hidden.of(each.id)) for each in told})
    named = {each.id for each in found}
    landed = {id_ for _, id_ in _landed_ids(connection, home)}
    meant = {pseudonym: id_ for id_ in landed if (pseudonym := hidden.of(id_)) in named}
    return told | {replace(each, id=meant[each.id]) for each in found if each.id in meant}


def _landed_ids(connection: duckdb.DuckDBPyConnection, home: Path) -> set[tuple[str, str]]:
    """The ids of users and devices in landing, by their kind."""
    files = ", ".join(literal(home / batch.path) for batch in list_batches(home) if batch.path)
    landed = f"read_parquet([{files}], hive_partitioning = false, union_by_name = true)"
    asked = " union ".join(
        f"select '{kind}', {column} from {landed} where {column} is not null"
        for kind, column in ((USER, "user_id"), (DEVICE, "anonymous_id"))
    )
    return set(connection.execute(asked).fetchall()) if files else set()


def _name_as_published(connection: duckdb.DuckDBPyConnection, ids: set[Id], hidden: Pseudonyms | None) -> None:
    """Make `published_ids`, by which published rows name these ids."""
    connection.execute("create table published_ids (kind varchar, id varchar)")
    named = [[each.kind, hidden.of(each.id) if hidden else each.id] for each in ids]
    connection.executemany("insert into published_ids values ($1, $2)", named)


def _write_landing(written: _Written, home: Path, relations: dict[str, Any]) -> None:
    files = ", ".join(literal(home / batch.path) for batch in list_batches(home) if batch.path)
    written.connection.execute("create table their_events (app varchar, event_id varchar)")
    if not files:
        return
    landed = f"read_parquet([{files}], hive_partitioning = false, union_by_name = true) as landed"
    told = {**LANDED_COLUMNS, **_said(relations, "landing_events"), **_said(relations, "events")}
    told |= {name: said for name, said in LANDED_COLUMNS.items() if not told[name]}
    written.write("landing", f"select * from {landed} where {IS_THEIRS}", LANDED, told)
    written.connection.execute("insert into their_events select app, event_id from written")


def _write_quarantine(written: _Written, home: Path) -> None:
    said = {"reason": "Why it is no event.", "detail": "What is wrong with it.", "raw": "The row as it came."}
    said |= {"source": "The file or protocol it came by.", "row_number": "Where it stood.", "batch_id": "Its load."}
    written.write(
        "quarantine",
        f"""select * replace (coalesce(try(decode(raw)), raw::varchar) as raw)
        from read_parquet({literal(quarantine_dir(home) / "*.parquet")}) where {NAMES_THEM}""",
        REFUSED,
        said,
    )


def _write_marts(written: _Written, relations: dict[str, Any]) -> None:
    for name, relation in sorted(relations.items()):
        columns = {column["name"] for column in relation["columns"]}
        whose = next((asked for needed, asked in WHOSE.items() if columns.issuperset(needed)), None)
        if relation["is_internal"] or whose is None:
            continue
        query = f"select * from {_named(relations, name)} where {whose}"
        written.write(name, query, relation["description"], _said(relations, name))


def _named(relations: dict[str, Any], name: str) -> str:
    return f"marts.{quoted(relations[name]['schema'])}.{quoted(name)}"


def _said(relations: dict[str, Any], name: str) -> dict[str, str]:
    """What each column of a relation means."""
    found = relations.get(name, {"columns": []})["columns"]
    return {column["name"]: " ".join((column["description"] or "").split()) for column in found}


def _waiting(home: Path, ids: set[Id]) -> int:
    named, found = taking_back.naming(ids), 0
    for path in spool_dir(home).glob("*/*"):
        # it may have landed since it was listed
        with suppress(FileNotFoundError, IsADirectoryError):
            found += sum(bool(named.search(line)) for line in path.read_bytes().splitlines())
    return found


def _are_listed(home: Path, name: str, ids: set[Id]) -> list[dict[str, Any]]:
    """Which of the ids are in a list of those of whom nothing is stored."""
    listed = Suppression(home, name)
    found = [each for each in sorted(ids, key=_order) if listed.holds_id(each)]
    return [{"kind": each.kind, "id": each.id, "app": each.app} for each in found]
