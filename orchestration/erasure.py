"""Take back what was wrong, and forget who asks to be forgotten: in every place of a home, with a receipt.

The next build is whole, over what is left: what it publishes is what it would have been without them. The publications
before it go as soon as it is published.
"""

from __future__ import annotations

import gzip
import json
import mmap
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest import privacy
from ingest.collector.landing import landing_paused
from ingest.envelope import literal, quoted
from ingest.landing import taking_back
from ingest.landing.batches import list_batches
from ingest.landing.taking_back import DEVICE, USER, Id, sender
from ingest.privacy.suppression import OPTED_OUT, SUPPRESSED, NobodyNamed, Suppression
from ingest.privacy.suppression import as_stored as stored
from orchestration.build import artifacts_dir, must_forget
from orchestration.lock import build_lock, persons_lock
from orchestration.settings import KEPT_FILE
from orchestration.settings import home as enter
from serving.pseudonyms import INPUT, Pseudonyms
from serving.publications import current_publication, read_catalog

DOING = "footfall erase"
RECEIPTS = "receipts"
# where what is gathered of persons waits for whoever asked for it, in a folder each
EXPORTS = "exports"
SQLITE = b"SQLite format 3\0"
# what SQLite keeps beside a file, and what goes into it or vanishes with it
BESIDE = ("-wal", "-shm", "-journal")
# by what the home works, as people set it: it stays, and who verifies an erasure is told where it names somebody
SET_BY_PEOPLE = (KEPT_FILE, "keys.json", "dashboards")
# of these every value is looked at
TABLES = (".parquet", ".duckdb")


class ErasureError(Exception):
    """It cannot be done now, and nothing was changed."""


@dataclass(frozen=True)
class Receipt:
    """What was taken back; it names nobody.

    Attributes:
        ids: how many ids of users and of devices were erased.
        digests: a keyed digest of each, by which the home knows them again, with its app where it is of one alone.
        rows: how many rows went, by place.
        files: how many logs, reports and records that named them were removed or cleared.
    """

    id: str
    what: str
    at: str
    rows: dict[str, int]
    batches: list[str]
    ids: dict[str, int]
    digests: list[str]
    files: int = 0


def retract(home: Path, batch_ids: Collection[str]) -> Receipt:
    """Take batches back, as if they had never been loaded; the file can be loaded again, mended.

    Raises:
        ingest.landing.batches.UnknownBatch: when there is no such batch.
        ingest.landing.taking_back.LoadAtWork: while a load is at work.
    """
    home = enter(home)
    with build_lock(home, "footfall retract"):
        taking_back.carry_out(home)
        plan = taking_back.plan_of_batches(home, batch_ids)
        receipt = Receipt(_new_id(), "retract", now(), plan.rows, list(batch_ids), {}, [])
        _take_back(home, plan, receipt)
    return receipt


def erase(
    home: Path,
    users: Collection[str],
    devices: Collection[str] = (),
    build: Callable[[Path], object] | None = None,
) -> Receipt:
    """Forget persons: the users and devices that are named, and all that they were found to be.

    A device that somebody else owns keeps what it did without a user; what the erased did on it goes.

    Args:
        build: builds what has landed and was not built; what a server receives meanwhile waits until all is done.

    Raises:
        ErasureError: when something landed that was not built, so that nobody knows whose devices are whose.
        ingest.landing.taking_back.LoadAtWork: while a load is at work.
        orchestration.lock.HomeIsBusyError: when another process writes in this home, or gathers or forgets persons.
    """
    home = enter(home)
    told = as_stored(home, users, devices)
    with persons_lock(home, DOING), landing_paused(home):
        if build and _is_unbuilt(home, told):
            build(home)
        with build_lock(home, DOING):
            return _erase(home, told)


def _erase(home: Path, told: set[Id]) -> Receipt:
    taking_back.carry_out(home)
    ids = ids_of(home, told)
    suppression = Suppression(home)
    # before anything goes, so that what waits or comes meanwhile is not stored
    suppression.add(ids)
    plan = taking_back.plan_of_persons(home, ids)
    names = taking_back.naming(ids)
    told_of = [path for path in _other_files(home) if any(names.search(each) for each in _contents_of(path))]
    files = [path for path in told_of if not _is_sqlite(path)]
    for path in set(told_of) - set(files):
        _clear(path, {each.id for each in ids})
    # what was gathered of a person goes whole: not every table in it names them
    gone = {Path(*path.relative_to(home).parts[: 2 if path.is_relative_to(home / EXPORTS) else None]) for path in files}
    plan.removed += sorted(path.as_posix() for path in gone)
    counted = {kind: sum(each.kind == kind for each in ids) for kind in (USER, DEVICE)}
    digests = sorted(suppression.entry(each) for each in ids)
    receipt = Receipt(_new_id(), "erase", now(), plan.rows, [], counted, digests, len(told_of) - len(files) + len(gone))
    _take_back(home, plan, receipt)
    return receipt


def retain(home: Path, before: date) -> Receipt | None:
    """Remove what happened before a day, as if it had never been sent; None where there is nothing of it.

    The next build is whole, over what is left: no mart keeps what it said of earlier days.

    Raises:
        ErasureError: when the day is yet to come.
        ingest.landing.taking_back.LoadAtWork: while a load is at work.
        orchestration.lock.HomeIsBusyError: when another process writes in this home.
    """
    home = enter(home)
    if before > datetime.now(UTC).date():
        raise ErasureError(f"{before} is yet to come. Name a day that has begun: what happened before it goes.")
    with build_lock(home, "footfall retention"):
        taking_back.carry_out(home)
        plan = taking_back.plan_of_days(home, before)
        if not any(plan.rows.values()):
            shutil.rmtree(taking_back.prepared(home))
            return None
        receipt = Receipt(_new_id(), f"retention before {before}", now(), plan.rows, [], {}, [])
        _take_back(home, plan, receipt)
    return receipt


def allow(home: Path, users: Collection[str], devices: Collection[str] = ()) -> int:
    """Store events of these ids again, as they consented anew; how many of them were not stored before."""
    home = enter(home)
    with build_lock(home, "footfall privacy allow"):
        ids = as_stored(home, users, devices)
        gone = max(Suppression(home, name).remove(ids) for name in (SUPPRESSED, OPTED_OUT))
        log(home, {"at": now(), "what": "allow", "ids": gone})
    return gone


def as_stored(home: Path, users: Collection[str], devices: Collection[str]) -> set[Id]:
    """Ids as they were told and as they are stored, which differ where they are e-mail addresses."""
    try:
        return stored(privacy.cleaner(home), users, devices)
    except NobodyNamed as nobody:
        raise ErasureError(str(nobody)) from None


def ids_of(home: Path, told: set[Id]) -> set[Id]:
    """All ids of the persons that these ids are of: their devices, and those that were merged with them.

    Raises:
        ErasureError: when not all that landed was built.
    """
    landed = {batch.batch_id for batch in list_batches(home) if batch.path}
    warehouse = home / "warehouse.duckdb"
    if not landed:
        return told
    nothing_built = ErasureError("Nothing was built: run `footfall build`, which finds whose devices are whose.")
    if not warehouse.exists():
        raise nothing_built
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach {literal(warehouse)} as built (read_only)")
            taken = connection.execute(
                "select batch_id from built.plumbing.processed_batches where model_name = 'stg_superseded_copies'"
            ).fetchall()
            ids = with_all_of(connection, "built.main.int_identities", told)
        except duckdb.CatalogException:
            raise nothing_built from None
    if landed - {batch_id for (batch_id,) in taken}:
        raise ErasureError("Something has landed since the last build: run `footfall build`, then this again.")
    return ids


def with_all_of(connection: duckdb.DuckDBPyConnection, identities: str, told: set[Id]) -> set[Id]:
    """Make `theirs`, the persons that ids are of; return these ids and all others of these persons.

    Args:
        identities: the relation `int_identities`, of which a person's name says its app where apps share no people.
    """
    connection.execute("create table told (kind varchar, id varchar)")
    connection.executemany("insert into told values ($1, $2)", [[each.kind, each.id] for each in told])
    named = "(id_kind, id) in (select (kind, id) from told)"
    connection.execute(f"create table theirs as select distinct person_id from {identities} where {named}")  # noqa: S608
    asked = f"select id_kind, id, app from {identities} where person_id in (from theirs)"  # noqa: S608
    found = connection.execute(asked).fetchall()
    # who was told is meant in every app
    return told | {Id(kind, found_id, app) for kind, found_id, app in found if Id(kind, found_id) not in told}


def _is_unbuilt(home: Path, told: set[Id]) -> bool:
    # nobody else can read the warehouse while it is built
    with build_lock(home, DOING):
        try:
            ids_of(home, told)
        except ErasureError:
            return True
    return False


def _take_back(home: Path, plan: taking_back.Plan, receipt: Receipt) -> None:
    """Commit a plan with its receipt, and with all that was made of what goes."""
    prepared = taking_back.prepared(home)
    prepared.mkdir(parents=True, exist_ok=True)
    for name, final, text in (
        ("receipt", receipt_file(home, receipt.id), json.dumps(asdict(receipt), indent=2)),
        ("forget", must_forget(home), ""),
    ):
        (prepared / name).write_text(f"{text}\n")
        final.parent.mkdir(parents=True, exist_ok=True)
        taking_back.put_in_place(home, plan, prepared / name, final)
    made = (home / "warehouse.duckdb", home / "warehouse.duckdb.wal", home / "build.json", artifacts_dir(home))
    plan.removed += [path.relative_to(home).as_posix() for path in made]
    taking_back.commit(home, plan)
    taking_back.carry_out(home)
    log(home, {"at": receipt.at, "what": receipt.what, "receipt": receipt.id})


def receipt_file(home: Path, receipt_id: str) -> Path:
    """Where a receipt lies."""
    return taking_back.folder(home) / RECEIPTS / f"{receipt_id}.json"


def read_receipt(home: Path, receipt_id: str) -> Receipt:
    """A receipt by its id.

    Raises:
        ErasureError: when there is none.
    """
    try:
        return Receipt(**json.loads(receipt_file(home, receipt_id).read_text()))
    except FileNotFoundError:
        raise ErasureError(f"There is no receipt {receipt_id} in {taking_back.folder(home) / RECEIPTS}.") from None


def verify(home: Path, receipt: Receipt, told: set[Id]) -> list[str]:
    """Where something of the erased is still found: in which files of the home, compressed and columnar ones opened.

    By the digests of the receipt every id of users and devices in landing is compared; the ids that are told, and the
    pseudonyms by which readers know them, are looked for as texts, in every value and every byte.
    """
    home = home.resolve()
    told = told | _as_published(home, told)
    suppression, digests, found = Suppression(home), set(receipt.digests), []
    for batch in list_batches(home):
        if batch.path and _holds_digest(home / batch.path, suppression, digests):
            found.append(batch.path)
    pattern, in_bytes = taking_back.names_any({each.id for each in told}), taking_back.naming(told)
    for path in _all_files(home):
        values = path.suffix in TABLES and path.stat().st_size > 0
        if in_bytes.search(_bytes_of(path)) or (values and _holds_value(path, pattern)):
            found.append(path.relative_to(home).as_posix())
    return sorted(set(found))


def _as_published(home: Path, told: set[Id]) -> set[Id]:
    """The pseudonyms of ids, where what is published shows these in their place."""
    current = current_publication(home)
    if current is None or INPUT not in read_catalog(current)["inputs"]:
        return set()
    hidden = Pseudonyms(home)
    return {replace(each, id=hidden.of(each.id)) for each in told}


def _holds_digest(path: Path, suppression: Suppression, digests: set[str]) -> bool:
    with duckdb.connect() as connection:
        asked = "select distinct user_id, anonymous_id, app from read_parquet($1, hive_partitioning = false)"
        rows = connection.execute(asked, [str(path)]).fetchall()
    return any(suppression.are_in(digests, sender(*row)) for row in rows)


def _holds_value(path: Path, pattern: str) -> bool:
    """Whether a value of a table of a Parquet or DuckDB file holds what is looked for."""
    with duckdb.connect() as connection:
        if path.suffix == ".parquet":
            relations = [f"read_parquet({literal(path)})"]
        else:
            connection.execute(f"attach {literal(path)} as looked_at (read_only)")
            named = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'looked_at'"
            ).fetchall()
            relations = [f"looked_at.{quoted(schema)}.{quoted(name)}" for schema, name in named]
        for relation in relations:
            asked = f"select 1 from {relation} as looked where regexp_matches(looked::varchar, $1) limit 1"  # noqa: S608
            if connection.execute(asked, [pattern]).fetchone():
                return True
    return False


def _all_files(home: Path) -> Iterator[Path]:
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _other_files(home: Path) -> Iterator[Path]:
    """Files of a home that tell what was, and that no build makes anew: logs, reports, records of runs, exports."""
    made = ("landing", "quarantine", "published", "privacy", "received", artifacts_dir(home).name)
    for path in _all_files(home):
        is_beside = path.name.endswith(BESIDE) and path.with_name(path.name.rpartition("-")[0]).exists()
        first = path.relative_to(home).parts[0]
        # without it all would be sent again
        is_progress = first == "forwarding" and path.suffix == ".json"
        if first in (*made, *SET_BY_PEOPLE) or is_progress or path.name.startswith("warehouse.duckdb") or is_beside:
            continue
        yield path


def _contents_of(path: Path) -> list[bytes | mmap.mmap]:
    """The bytes of a file, and of what SQLite keeps beside one."""
    beside = [path.with_name(path.name + ending) for ending in BESIDE]
    return [_bytes_of(path), *(_bytes_of(each) for each in beside if each.exists())]


def _bytes_of(path: Path) -> bytes | mmap.mmap:
    """The bytes of a file, decompressed; a warehouse is larger than memory."""
    with path.open("rb") as file:
        if not file.read(1):
            return b""
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def _clear(path: Path, ids: set[str]) -> None:
    """Remove the rows of a record of runs that name one of these ids, and what is left of them in the file."""
    pattern = re.compile(taking_back.names_any(ids))
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.create_function("names", 1, lambda value: bool(pattern.search(str(value or ""))))
            tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (table,) in tables:
                columns = [row[1] for row in connection.execute(f'pragma table_info("{table}")')]
                told = " or ".join(f'names("{column}")' for column in columns)
                connection.execute(f'delete from "{table}" where {told}')  # noqa: S608
            connection.commit()
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.Error as error:
        raise ErasureError(
            f"{path} cannot be cleared ({error}). Stop what writes in it, and run this again."
        ) from error


def log(home: Path, told: dict[str, Any]) -> None:
    """Write down what was done for persons or with batches, in the log of those who audit it; it names nobody."""
    taking_back.folder(home).mkdir(parents=True, exist_ok=True)
    with (taking_back.folder(home) / "audit.ndjson").open("a") as file:
        file.write(json.dumps(told) + "\n")


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(3)}"


def now() -> str:
    """The time of a receipt, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
