"""Turn a tested warehouse into what readers see: copied marts, views over immutable day files, one atomic switch.

Nothing that readers see is touched before everything new is complete, verified and on disk. A publication that is
killed at any moment leaves the earlier one as it was; the next one removes the leftovers.
"""

# identifiers come from dbt's manifest and the catalog, and are quoted
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from ingest.landing.duplicates import PARQUET_OPTIONS
from ingest.values import install_macros
from serving.pseudonyms import INPUT, Pseudonyms, as_input, pseudonyms
from serving.publications import (
    INTERNAL,
    LAYOUT,
    STORAGE_VERSION,
    drop_unfinished,
    fsync,
    fsync_all,
    list_publications,
    prune,
    published_dir,
    read_catalog,
    show,
)
from serving.relations import (
    BATCHES,
    PARQUET_SOURCE,
    PLUMBING,
    PUBLISHED_BATCHES,
    STATES,
    PublishError,
    Relation,
    content_of,
    read_relations,
)

# a change of how day files are written belongs into their names
FILE_FORMAT = "zstd-1"
ROWS_PER_COPY = 4_000_000
DAYS_PER_COPY = 1_000
# the landing's file of no rows, which gives the types where nothing has landed
EMPTY_FILE = "schema"
# a view is counted as long as that is cheap; its inputs are verified in any case
COUNTED_VIEW_ROWS = 5_000_000


@dataclass(frozen=True)
class DayFile:
    """One day of one relation: a file that is never changed, named by what is in it."""

    day: date
    rows: int
    content: int
    path: Path


@dataclass(frozen=True)
class LandedFile:
    """A landed file as readers reach it: the same bytes under a second name, so nothing is copied."""

    rows: int
    path: Path
    day: None = None


Files = dict[str, list[DayFile] | list[LandedFile]]


@dataclass
class Before:
    """The publication before this one, where it was made by the same project and settings.

    Then every relation has the columns, the query and the texts that it had, and one whose rows are those of then is
    not written, nor read, again.

    Attributes:
        path: its folder; None where there is none to take anything from.
        published: the folder that readers may see.
        relations: what its catalog says of each relation.
        kept: the names of those that are what they were.
    """

    path: Path | None
    published: Path
    relations: Mapping[str, Any] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def keep_if_unchanged(self, relation: Relation, state: str) -> None:
        """Note whether a relation is what it was, by its state now; one that is not known is another."""
        if state and self.relations.get(relation.name, {}).get("state") == state:
            self.kept.add(relation.name)

    def has_query_of(self, relation: Relation) -> bool:
        """Whether the file of then shows a view by the query that it has now."""
        told = self.relations.get(relation.name, {})
        return relation.kind == "view" and told.get("query") == _digest(relation.sql)

    def rows(self, relation: Relation) -> int | None:
        """How many rows a kept relation has; None also where they were not counted."""
        rows: int | None = self.relations[relation.name]["rows"]
        return rows

    def columns(self, relation: Relation) -> list[tuple[str, str]]:
        """Names and types of a relation's columns; none where it was not there."""
        told = self.relations.get(relation.name, {}).get("columns", ())
        return [(column["name"], column["type"]) for column in told]

    def day_files(self, relation: Relation) -> list[DayFile]:
        """The files of a kept relation."""
        if relation.name not in self.kept:
            return []
        return [
            # what is in a file was compared when it was written
            DayFile(date.fromisoformat(file["day"]), file["rows"], 0, self.published / file["path"])
            for file in self.relations[relation.name]["files"]
        ]


@dataclass(frozen=True)
class Built:
    """What the warehouse was built from, and how it passed.

    Attributes:
        inputs: landing batches, project fingerprint and settings, as the build saw them.
        checks: how many checks passed and which ones warned.
        built_at: when the build ended, ISO 8601 in UTC.
    """

    inputs: Mapping[str, Any]
    checks: Mapping[str, Any]
    built_at: str


def publish(home: Path, manifest_path: Path, built: Built, keep: int, memory_limit: str | None = None) -> Path:
    """Publish the warehouse of a home; the caller holds the build lock and knows that every test has passed.

    Args:
        home: the folder of all state.
        manifest_path: dbt's manifest.json of that build.
        built: what the catalog says about the build.
        keep: how many publications stay.
        memory_limit: of DuckDB, such as "4GB"; its own default is 80 % of the machine.

    Returns:
        The folder of the new publication, which readers now see.

    Raises:
        PublishError: when a model cannot be published as it asks, or what was written differs from what was built.
        ingest.privacy.key.KeyIsMissing: when ids are to be replaced, and the home's key is not where it was.
    """
    hidden = pseudonyms(home)
    inputs = {name: value for name, value in built.inputs.items() if name != INPUT} | as_input(hidden)
    relations = read_relations(manifest_path, built.inputs["settings"])
    publications = published_dir(home) / "publications"
    publications.mkdir(parents=True, exist_ok=True)
    drop_unfinished(home)
    publication = publications / f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}_{secrets.token_hex(3)}"
    work = publications / f".new-{publication.name}"
    (work / "parquet").mkdir(parents=True)
    with _open_warehouse(home, memory_limit) as connection:
        if hidden:
            hidden.install(connection)
        before = _before(connection, home, inputs)
        contents, states, files = _contents(connection), dict[str, str](), Files()
        for relation in relations:
            if relation.kind == "landing":
                files[relation.name] = link_landed_files(connection, relation, published_dir(home) / "files", hidden)
                paths = [str(file.path) for file in files[relation.name]]
                contents[relation.unique_id] = _digest([contents.get(PLUMBING), paths])
            states[relation.name] = _state(relation, contents)
            before.keep_if_unchanged(relation, states[relation.name])
            if relation.kind == "files":
                files[relation.name] = before.day_files(relation) or write_day_files(
                    connection, relation, published_dir(home) / "files", hidden
                )
        write_marts(connection, relations, files, work, before, hidden)
        rows = verify(connection, relations, files, work, before, contents, hidden)
        columns = {
            relation.name: before.columns(relation) or _columns(connection, f"check_marts.{_published(relation)}")
            for relation in relations
        }
    catalog = {
        "publication": publication.name,
        "layout": LAYOUT,
        "duckdb": duckdb.__version__,
        "built_at": built.built_at,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": inputs,
        "checks": built.checks,
        "relations": {
            relation.name: {
                "kind": relation.kind,
                "schema": relation.schema,
                "grain": relation.grain,
                "description": relation.description,
                "rows": rows[relation.name],
                "state": states[relation.name],
                **({"query": _digest(relation.sql)} if relation.kind == "view" else {}),
                "checks": relation.checks,
                "is_internal": relation.is_internal,
                **({"card": relation.card} if relation.card else {}),
                "columns": [
                    {"name": name, "type": kind, "description": relation.column_descriptions.get(name.lower(), "")}
                    for name, kind in columns[relation.name]
                ],
                "files": [
                    {
                        "day": file.day and file.day.isoformat(),
                        "rows": file.rows,
                        "path": str(file.path.relative_to(published_dir(home))),
                    }
                    for file in files.get(relation.name, [])
                ],
            }
            for relation in sorted(relations, key=lambda relation: relation.name)
        },
    }
    (work / "catalog.json").write_text(json.dumps(catalog, indent=1) + "\n")
    # what was linked is on disk already
    fsync_all([path for path in [*work.rglob("*"), work] if path.is_dir() or path.stat().st_nlink == 1])
    (work / "marts.duckdb").chmod(0o444)
    work.rename(publication)
    fsync(publications)
    show(home, publication)
    # the earlier ones may show the ids
    is_shown_otherwise = hidden and any(
        read_catalog(path)["inputs"].get(INPUT) != hidden.name for path in list_publications(home)
    )
    prune(home, 1 if is_shown_otherwise else keep)
    return publication


def _shown(
    connection: duckdb.DuckDBPyConnection, relation: Relation, hidden: Pseudonyms | None, source: str = ""
) -> str:
    """What readers are to see of a relation, as built or as it lies in `source`."""
    source = source or relation.built_as
    if hidden is None:
        return source
    return hidden.shown(source, relation.name, [name for name, _ in _columns(connection, source)])


def write_day_files(
    connection: duckdb.DuckDBPyConnection, relation: Relation, folder: Path, hidden: Pseudonyms | None = None
) -> list[DayFile]:
    """Write the days of a relation that no file holds yet; return the files of all its days, in order.

    A file is named by the multiset of its rows' fingerprints, the columns and the logic behind them, so a day that did
    not change keeps its file, and a day that did gets another one beside it. The fingerprint stays in the file, and
    what a relation is published `without` does not, so that no file keeps what is no longer so.
    """
    columns = _columns(connection, relation.built_as, relation.without)
    if dict(columns).get(relation.day) != "DATE":
        raise PublishError(f"Model {relation.name} is published by {relation.day}, which is no DATE column of it.")
    recipe = json.dumps([FILE_FORMAT, columns, relation.day, relation.logic, *([hidden.name] if hidden else [])])
    files = []
    for day, rows, content in _days(connection, relation, relation.built_as):
        if day is None:
            raise PublishError(f"Model {relation.name} has {rows} rows without {relation.day}. Test it not_null.")
        name = hashlib.sha256(f"{recipe} {rows} {content}".encode()).hexdigest()[:20]
        path = folder / relation.name / f"{relation.day}={day.isoformat()}" / f"{name}.parquet"
        files.append(DayFile(day, rows, content, path))
    missing = [file for file in files if not file.path.exists()]
    kept_days = {file.day for file in files} - {file.day for file in missing}
    scratch = folder / f".new-{relation.name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for chunk in _chunks(missing):
        _write_chunk(connection, relation, chunk, kept_days, scratch, hidden)
    shutil.rmtree(scratch)
    return files


def link_landed_files(
    connection: duckdb.DuckDBPyConnection, relation: Relation, folder: Path, hidden: Pseudonyms | None = None
) -> list[LandedFile]:
    """Give the landed files of the built batches a second name below `published/`; return them in order.

    Readers reach nothing outside that folder, and a landed file that is removed stays as long as a kept publication
    names it. Where a second name is impossible, as across file systems, the file is copied. Where ids are not to be
    seen, it is written anew, row by row, with pseudonyms in their place.
    """
    pattern, _ = _source_parts(relation)
    built = {row[0] for row in connection.execute(f"select distinct batch_id from warehouse.{BATCHES}").fetchall()}
    found = [
        Path(row[0]) for row in connection.execute(f"select file from glob({_text(pattern)}) order by 1").fetchall()
    ]
    files = []
    for landed in found:
        if landed.stem in built or landed.stem == EMPTY_FILE:
            stat = landed.stat()
            stamp = f"{stat.st_size:x}-{stat.st_mtime_ns:x}"
            link = folder / relation.name / (f"{stamp}-{hidden.name}" if hidden else stamp) / landed.name
            if not link.exists():
                if hidden:
                    _write_landed(connection, relation, landed, link, hidden)
                else:
                    _link(landed, link)
                fsync(link.parent)
            files.append(link)
    if not files:
        raise PublishError(f"There is no file {pattern}. Run `footfall build`, which makes an empty one.")
    counted = connection.execute(f"select file_name, num_rows from parquet_file_metadata({_list(files)})").fetchall()
    rows = {Path(name): count for name, count in counted}
    return [LandedFile(rows[path], path) for path in files]


def write_marts(
    connection: duckdb.DuckDBPyConnection,
    relations: Iterable[Relation],
    files: Files,
    work: Path,
    before: Before,
    hidden: Pseudonyms | None = None,
) -> None:
    """Write marts.duckdb into a folder, and what outsiders read of the copied relations beside it as Parquet.

    It begins as a copy of the publication before, where there is one to begin from: what did not change stays.
    """
    path = work / "marts.duckdb"
    old = before.path
    if old:
        shutil.copyfile(old / path.name, path)
        path.chmod(0o644)
    connection.execute(f"attach {_text(path)} as new_marts (storage_version '{STORAGE_VERSION}')")
    connection.execute("use new_marts")
    # in `main`, because views of both schemas name them without one
    install_macros(connection)
    connection.execute("begin")
    connection.execute(f"create schema if not exists {INTERNAL}")
    for relation in relations:
        name, parquet = _published(relation), work / "parquet" / f"{relation.name}.parquet"
        if relation.name in before.kept:
            if relation.kind == "table" and not relation.is_internal and old:
                _link(old / "parquet" / parquet.name, parquet)
            continue
        if relation.kind == "table":
            shown = _shown(connection, relation, hidden)
            connection.execute(f"create or replace table {name} as select * from {shown}")
            if not relation.is_internal:
                connection.execute(f"copy {name} to {_text(parquet)} (format parquet, compression zstd)")
        elif relation.kind == "view":
            if before.has_query_of(relation):
                continue
            connection.execute(f"create or replace view {name} as {relation.sql}")
        elif relation.kind == "files":
            columns = _columns(connection, relation.built_as, relation.hidden)
            connection.execute(
                f"create or replace view {name} as {_files_query(relation, columns, files[relation.name])}"
            )
        else:
            connection.execute(f"create or replace table {PUBLISHED_BATCHES} as select * from warehouse.{BATCHES}")
            _, options = _source_parts(relation)
            paths = _list(file.path for file in files[relation.name])
            connection.execute(f"create or replace view {name} as select * from read_parquet({paths}{options})")
        _comment(connection, relation)
    connection.execute("commit")
    connection.execute("use memory")
    connection.execute("checkpoint new_marts")
    connection.execute("detach new_marts")
    if path.with_name("marts.duckdb.wal").exists():
        raise PublishError(f"DuckDB left a write-ahead log beside {path}. Nothing was published; run `footfall build`.")


def verify(
    connection: duckdb.DuckDBPyConnection,
    relations: Iterable[Relation],
    files: Files,
    work: Path,
    before: Before,
    contents: Mapping[str, str],
    hidden: Pseudonyms | None = None,
) -> dict[str, int | None]:
    """Compare what was written with what was built, read back from the file; return rows per relation.

    Tables are compared as multisets of whole rows, with the digest that the build kept of them where it kept one. Day
    files were compared when they were written, and are counted here. Views are counted where the files hold at most 5
    million rows (else None): here and in the warehouse when their query is new, and here alone after that, since the
    same query reads the same inputs. Landed files are the landed files. What is kept was compared when it was written.

    Raises:
        PublishError: when the two differ. The law is: published = built.
    """
    connection.execute(f"attach {_text(work / 'marts.duckdb')} as check_marts (read_only)")
    in_files = sum(file.rows for days in files.values() for file in days)
    rows: dict[str, int | None] = {}
    for relation in relations:
        if relation.name in before.kept:
            rows[relation.name] = before.rows(relation)
            continue
        written = f"check_marts.{_published(relation)}"
        is_known_view = before.has_query_of(relation)
        if not is_known_view and _columns(connection, written) != _columns(
            connection, relation.built_as, relation.hidden
        ):
            raise PublishError(f"{relation.name} as written has other columns than as built; nothing was published.")
        if relation.kind in ("files", "landing"):
            rows[relation.name] = sum(file.rows for file in files[relation.name])
        if relation.kind == "landing" or (relation.kind == "view" and in_files > COUNTED_VIEW_ROWS):
            rows.setdefault(relation.name, None)
            continue
        if relation.kind == "table":
            there = content_of(connection, written)
            # an incremental model's is no digest of its rows
            built, shown = contents.get(relation.unique_id, ""), _shown(connection, relation, hidden)
            is_known = ":" in built and shown == relation.built_as
            here = built if is_known else content_of(connection, shown)
            count = int(there.split(":")[0])
        else:
            sources = [written] if is_known_view else [written, relation.built_as]
            counts = [connection.execute(f"select count(*) from {source}").fetchall()[0][0] for source in sources]
            count, there, here = counts[0], str(counts[0]), str(counts[-1])
        if there != here or rows.setdefault(relation.name, count) != count:
            raise PublishError(
                f"{relation.name} as written differs from what was built ({there} against {here}: rows, content). "
                "Nothing was published; run `footfall build` again, and report it when it stays."
            )
    return rows


def _before(connection: duckdb.DuckDBPyConnection, home: Path, inputs: Mapping[str, Any]) -> Before:
    """The newest publication, where it was made by the same project and is not half empty."""
    nothing = Before(None, published_dir(home))
    newest = next(iter(list_publications(home)), None)
    if newest is None or "project" not in inputs:
        return nothing
    catalog = read_catalog(newest)
    same = {name: value for name, value in inputs.items() if name != "batches"}
    if (
        catalog.get("layout") != LAYOUT
        or catalog.get("duckdb") != duckdb.__version__
        or {name: value for name, value in catalog["inputs"].items() if name != "batches"} != same
    ):
        return nothing
    connection.execute(f"attach {_text(newest / 'marts.duckdb')} as old_marts (read_only)")
    used, free = connection.execute(
        "select used_blocks, free_blocks from pragma_database_size() where database_name = 'old_marts'"
    ).fetchall()[0]
    connection.execute("detach old_marts")
    return nothing if free > used else Before(newest, published_dir(home), catalog["relations"])


def _contents(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the build kept of each table that stands as it left it, by dbt's unique id: another one for other rows."""
    try:
        kept = connection.execute(f"select node, content from warehouse.{STATES} where content != ''").fetchall()
        batches = connection.execute(f"select * from warehouse.{BATCHES} order by all").fetchall()
    except duckdb.CatalogException:
        return {}
    return {**dict(kept), PLUMBING: _digest(batches)}


def _state(relation: Relation, contents: Mapping[str, str]) -> str:
    """What tells the rows of a relation from others; empty where it is not known."""
    read = [contents.get(key, "") for key in relation.made_of]
    return _digest([relation.sql, read]) if all(read) else ""


class _open_warehouse:
    """A connection that reads the warehouse and can write elsewhere, closed after the block."""

    def __init__(self, home: Path, memory_limit: str | None) -> None:
        self.path, self.memory_limit, self.home = home / "warehouse.duckdb", memory_limit, home

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        if not self.path.exists():
            raise PublishError(f"There is no {self.path}. Run `footfall build` first.")
        scratch = self.home / "published" / "publications"
        self.connection = duckdb.connect(config={"temp_directory": f"{scratch}/.spill"})
        if self.memory_limit:
            self.connection.execute(f"set memory_limit = {_text(self.memory_limit)}")
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.execute(f"set partitioned_write_max_open_files = {DAYS_PER_COPY + 1}")
        self.connection.execute(f"attach {_text(self.path)} as warehouse (read_only)")
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def _days(connection: duckdb.DuckDBPyConnection, relation: Relation, source: str) -> list[tuple[date | None, int, int]]:
    day, fingerprint = _name(relation.day), _name(relation.fingerprint)
    return connection.execute(
        f"select {day}, count(*), sum(cast(hash({fingerprint}) as hugeint)) from {source} group by 1 order by 1"
    ).fetchall()


def _chunks(files: Iterable[DayFile]) -> Iterator[list[DayFile]]:
    """Runs of days that one pass writes with bounded memory and open files."""
    rows = 0

    def number(numbered: tuple[int, DayFile]) -> tuple[int, int]:
        nonlocal rows
        rows += numbered[1].rows
        return numbered[0] // DAYS_PER_COPY, rows // ROWS_PER_COPY

    for _, chunk in groupby(enumerate(files), number):
        yield [file for _, file in chunk]


def _write_chunk(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    chunk: list[DayFile],
    kept_days: set[date],
    scratch: Path,
    hidden: Pseudonyms | None,
) -> None:
    day = _name(relation.day)
    first, last = chunk[0].day, chunk[-1].day
    only = f"{day} between date '{first}' and date '{last}'"
    if any(first < kept < last for kept in kept_days):
        only += f" and {day} in ({', '.join(f'''date '{file.day}' ''' for file in chunk)})"
    columns = _columns(connection, relation.built_as, relation.without)
    names = ", ".join(_name(name) for name, _ in columns)
    rows = f"(select * from {relation.built_as} where {only})"
    shown = _shown(connection, relation, hidden, rows)
    connection.execute(
        f"copy (select {names} from {shown}) to {_text(scratch)} (format parquet, "
        f"compression zstd, compression_level 1, partition_by ({day}), write_partition_columns true, overwrite true)"
    )
    written = [DayFile(file.day, file.rows, file.content, _only_file(scratch, relation, file.day)) for file in chunk]
    as_built: list[tuple[date | None, int, int]] = [(file.day, file.rows, file.content) for file in chunk]
    expected = as_built if shown == rows else _days(connection, relation, shown)
    if _days(connection, relation, f"({_files_query(relation, columns, written)})") != expected:
        raise PublishError(
            f"The day files of {relation.name} from {first} to {last} differ from what was built; nothing was "
            "published. Run `footfall build` again, and report it when it stays."
        )
    fsync_all(file.path for file in written)
    for source, file in zip(written, chunk, strict=True):
        named = source.path.rename(source.path.with_name(file.path.name))
        if file.path.parent.exists():
            named.replace(file.path)
        else:
            file.path.parent.parent.mkdir(parents=True, exist_ok=True)
            named.parent.rename(file.path.parent)
    fsync_all({folder for file in chunk for folder in (file.path.parent, file.path.parent.parent)})


def _only_file(scratch: Path, relation: Relation, day: date) -> Path:
    found = list((scratch / f"{relation.day}={day.isoformat()}").glob("*.parquet"))
    if len(found) != 1:
        raise PublishError(f"DuckDB wrote {len(found)} files for {relation.name} on {day}, not one. Report it.")
    return found[0]


def _source_parts(relation: Relation) -> tuple[str, str]:
    """The file pattern of a source, and its other arguments as they are written."""
    pattern, options = PARQUET_SOURCE.fullmatch(relation.built_as).groups()  # type: ignore[union-attr]
    return pattern.replace("''", "'"), options


def _link(landed: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.hardlink_to(landed)
    except OSError:
        shutil.copyfile(landed, fresh)
        fsync(fresh)
    fresh.replace(link)


def _write_landed(
    connection: duckdb.DuckDBPyConnection, relation: Relation, landed: Path, final: Path, hidden: Pseudonyms
) -> None:
    """Write a landed file with pseudonyms, its rows in the order in which the warehouse numbers them."""
    final.parent.mkdir(parents=True, exist_ok=True)
    fresh = final.with_name(f".{final.name}.new")
    there, here = (
        f"read_parquet({_text(path)}, hive_partitioning = false, file_row_number = true)" for path in (landed, fresh)
    )
    shown = _shown(connection, relation, hidden, there)
    connection.execute(f"copy (select * exclude (file_row_number) from {shown}) to {_text(fresh)} ({PARQUET_OPTIONS})")
    if content_of(connection, shown) != content_of(connection, here):
        raise PublishError(f"{landed.name} as written differs from what landed. Run `footfall build` again; report it.")
    fsync(fresh)
    fresh.replace(final)


def _files_query(relation: Relation, columns: list[tuple[str, str]], files: Iterable[DayFile | LandedFile]) -> str:
    """A query over exactly these files; the day in their paths lets DuckDB skip files without opening them."""
    paths = _list(file.path for file in files)
    if paths == "[]":
        typed = ", ".join(f"cast(null as {kind}) as {_name(name)}" for name, kind in columns)
        return f"select {typed} where false"
    names = ", ".join(_name(name) for name, _ in columns)
    return (
        f"select {names} from read_parquet({paths}, hive_partitioning = true, "
        f"hive_types = {{{_name(relation.day)}: date}})"
    )


def _comment(connection: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    """Carry the descriptions into the file, where BI tools show them."""
    kind = "table" if relation.kind == "table" else "view"
    connection.execute(f"comment on {kind} {_published(relation)} is {_text(relation.description)}")
    for name, _ in _columns(connection, _published(relation)):
        if text := relation.column_descriptions.get(name.lower()):
            connection.execute(f"comment on column {_published(relation)}.{_name(name)} is {_text(text)}")


def _columns(
    connection: duckdb.DuckDBPyConnection, source: str, without: Collection[str] = ()
) -> list[tuple[str, str]]:
    described = connection.execute(f"describe select * from {source}").fetchall()
    return [(name, kind) for name, kind, *_ in described if name not in without]


def _published(relation: Relation) -> str:
    """Its name in the published database."""
    return f"{_name(relation.schema)}.{_name(relation.name)}"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:20]


def _list(values: Iterable[object]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
