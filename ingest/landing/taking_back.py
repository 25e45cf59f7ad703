# ruff: noqa: S608 (literals are quoted by envelope.literal)
"""Taking back what has landed: a batch whole, the rows of some persons, or what is older than a day; in one step.

What is to stand there afterwards is written first, beside it. Then the plan is committed: one file that names what is
replaced and what is removed. Whoever finds it, also after a kill, carries it out; doing so twice changes nothing.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import filelock

from ingest.envelope import literal
from ingest.landing.batches import BatchReceipt, list_batches, read_batch
from ingest.landing.duplicates import PARQUET_OPTIONS
from ingest.landing.paths import batches_dir, publish_file, quarantine_dir, sync_dir, work_dir

USER, DEVICE = "user", "device"


class LoadAtWork(Exception):
    """A load is at work, which may be comparing its events with those that are to go."""


@dataclass(frozen=True, order=True)
class Id:
    """The id of a user or a device, in one app or in all of them."""

    kind: str
    id: str
    app: str | None = None


def sender(user: str | None, device: str | None, app: str | None = None) -> Id:
    """Who sent an event: a user, or a device of theirs that had no user; `IS_THEIRS` asks the same of rows."""
    return Id(USER, user, app) if user else Id(DEVICE, device or "", app)


IS_THEIRS = f"""exists (
    select 1 from ids
    where (ids.app is null or ids.app = landed.app) and case
        when coalesce(landed.user_id, '') = '' then ids.kind = '{DEVICE}' and ids.id = landed.anonymous_id
        else ids.kind = '{USER}' and ids.id = landed.user_id
    end
)"""
NAMES_THEM = "coalesce(names_one(raw), false)"


@dataclass
class Plan:
    """What is replaced and removed, relative to the home, and how many rows go by place."""

    replaced: list[tuple[str, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


def folder(home: Path) -> Path:
    """Where what is taken back is prepared, and receipts are kept."""
    return home / "privacy"


def prepared(home: Path) -> Path:
    """Where the files lie that a plan puts into their places."""
    return folder(home) / "prepared"


def _committed(home: Path) -> Path:
    return folder(home) / "taking_back.json"


def plan_of_batches(home: Path, batch_ids: Iterable[str]) -> Plan:
    """The plan that takes batches back, as if they had never been loaded.

    Raises:
        UnknownBatch: when there is no such batch.
        LoadAtWork: while a load is at work.
    """
    refuse_loads(home)
    plan = Plan()
    landed = quarantined = 0
    for batch in [read_batch(home, batch_id) for batch_id in dict.fromkeys(batch_ids)]:
        # the manifest first: from there on the batch is none
        plan.removed.append(_manifest(home, batch).relative_to(home).as_posix())
        plan.removed += [batch.path] if batch.path else []
        kept_apart = (f"{batch.batch_id}.parquet", f"{batch.batch_id}.replayed.json")
        plan.removed += [f"{quarantine_dir(home).name}/{name}" for name in kept_apart]
        landed, quarantined = landed + batch.accepted, quarantined + batch.quarantined
    plan.rows = {"landing": landed, "quarantine": quarantined}
    return plan


def repeats_of(home: Path, batch_ids: Collection[str]) -> list[BatchReceipt]:
    """Batches loaded after one of these, of which rows may have been left out because these had them already."""
    taken = [read_batch(home, batch_id) for batch_id in batch_ids]
    first = min(batch.batch_id for batch in taken)
    later = [batch for batch in list_batches(home) if batch.batch_id > first and batch.batch_id not in batch_ids]
    return [batch for batch in later if batch.duplicate]


def plan_of_persons(home: Path, ids: Collection[Id]) -> Plan:
    """The plan that takes the events of persons out of landing and quarantine, the files without them written.

    Raises:
        LoadAtWork: while a load is at work.
    """
    with duckdb.connect() as connection:
        ask_for(connection, ids)
        return _plan_of_rows(connection, home, lambda _: (IS_THEIRS, NAMES_THEM))


def plan_of_days(home: Path, before: date) -> Plan:
    """The plan that takes out of landing what happened before a day, UTC, and of quarantine what was loaded then.

    Raises:
        LoadAtWork: while a load is at work.
    """
    with duckdb.connect() as connection:
        return _plan_of_rows(connection, home, lambda batch: (_is_before(before), _is_old(batch, before)))


def _plan_of_rows(
    connection: duckdb.DuckDBPyConnection, home: Path, asked: Callable[[BatchReceipt], tuple[str, str]]
) -> Plan:
    """The plan that takes rows out of each batch: those of landing, and those refused, of which `asked` is true."""
    refuse_loads(home)
    shutil.rmtree(prepared(home), ignore_errors=True)
    prepared(home).mkdir(parents=True)
    plan = Plan(rows={"landing": 0, "quarantine": 0})
    for batch in list_batches(home):
        _take_from(connection, home, batch, plan, *asked(batch))
    return plan


def rows_before(home: Path, before: date) -> dict[str, int]:
    """How many rows `plan_of_days` would take out, by place."""
    rows = {"landing": 0, "quarantine": 0}
    with duckdb.connect() as connection:
        for batch in list_batches(home):
            if batch.path:
                landed = f"from {_landed(home, batch)} as landed where {_is_before(before)}"
                rows["landing"] += _count(connection, f"select count(*) {landed}")
            rows["quarantine"] += batch.quarantined if _is_old(batch, before) == "true" else 0
    return rows


def _is_before(day: date) -> str:
    return f"landed.occurred_at < timestamp '{day}'"


def _is_old(batch: BatchReceipt, before: date) -> str:
    # nobody knows when that happened which could not be read
    return "true" if batch.loaded_at.astimezone(UTC).date() < before else "false"


def _landed(home: Path, batch: BatchReceipt) -> str:
    return f"read_parquet({literal(home / (batch.path or ''))}, hive_partitioning = false)"


def ask_for(connection: duckdb.DuckDBPyConnection, ids: Collection[Id]) -> None:
    """Let a connection ask whose rows are: by IS_THEIRS of what has landed, by NAMES_THEM of what was refused."""
    connection.execute("create table ids (kind varchar, id varchar, app varchar)")
    connection.executemany("insert into ids values ($1, $2, $3)", [[each.kind, each.id, each.app] for each in ids])
    named = naming(ids)

    def names_one(raw: bytes) -> bool:
        return bool(named.search(raw))

    # what was refused may be no text, which DuckDB would not look through
    connection.create_function("names_one", names_one, ["BLOB"], "BOOLEAN")


def _take_from(
    connection: duckdb.DuckDBPyConnection, home: Path, batch: BatchReceipt, plan: Plan, goes: str, is_refused: str
) -> None:
    """Write the files of a batch anew where rows are in them that go: `goes` asks of landed ones, else `is_refused`."""
    told: dict[str, Any] = batch.model_dump()
    landed = f"from {_landed(home, batch)} as landed"
    if batch.path and (gone := _count(connection, f"select count(*) {landed} where {goes}")):
        told |= {"accepted": batch.accepted - gone, "received": told["received"] - gone}
        plan.rows["landing"] += gone
        if told["accepted"]:
            left = f"{landed} where not {goes}"
            _write(connection, home, plan, f"select * {left}", batch.path)
            days = connection.execute(f"select min(event_date), max(event_date) {left}").fetchall()
            told["min_event_date"], told["max_event_date"] = days[0]
        else:
            told |= {"path": None, "min_event_date": None, "max_event_date": None}
            plan.removed.append(batch.path)
    if batch.quarantined:
        path = quarantine_dir(home) / f"{batch.batch_id}.parquet"
        rows = f"from read_parquet({literal(path)})"
        counted = connection.execute(f"select reason, count(*) {rows} where {is_refused} group by 1")
        reasons = dict(counted.fetchall())
        if gone := sum(reasons.values()):
            kept_by = {reason: n - reasons.get(reason, 0) for reason, n in batch.quarantined_by_reason.items()}
            told |= {"quarantined": batch.quarantined - gone, "received": told["received"] - gone}
            told |= {"quarantined_by_reason": {reason: n for reason, n in kept_by.items() if n}}
            plan.rows["quarantine"] += gone
            relative = path.relative_to(home).as_posix()
            if told["quarantined"]:
                kept = f"select * {rows} where not {is_refused} order by row_number"
                _write(connection, home, plan, kept, relative)
            else:
                plan.removed.append(relative)
    if told != batch.model_dump():
        now = BatchReceipt.model_validate(told)
        manifest = prepared(home) / f"{batch.batch_id}.json"
        manifest.write_text(now.model_dump_json(indent=2) + "\n")
        put_in_place(home, plan, manifest, _manifest(home, batch))


def _write(connection: duckdb.DuckDBPyConnection, home: Path, plan: Plan, query: str, final: str) -> None:
    written = prepared(home) / f"{secrets.token_hex(8)}.parquet"
    connection.execute(f"copy ({query}) to {literal(written)} ({PARQUET_OPTIONS})")
    put_in_place(home, plan, written, home / final)


def put_in_place(home: Path, plan: Plan, written: Path, final: Path) -> None:
    """Let a plan move a prepared file to its place."""
    plan.replaced.append((written.relative_to(home).as_posix(), final.relative_to(home).as_posix()))


def _manifest(home: Path, batch: BatchReceipt) -> Path:
    return batches_dir(home) / f"{batch.batch_id}.json"


def names_any(ids: Iterable[str]) -> str:
    """The expression that finds one of these ids, not as a part of a longer one; RE2 and Python read it alike."""
    listed = "|".join("".join(map(_spellings, each)) for each in sorted(ids))
    return f"(?:^|[^A-Za-z0-9_-])(?:{listed})(?:$|[^A-Za-z0-9_-])"


def naming(ids: Iterable[Id]) -> re.Pattern[bytes]:
    """What finds one of these ids in bytes."""
    return re.compile(names_any({each.id for each in ids}).encode())


def _spellings(character: str) -> str:
    """The expression of a character of an id as JSON, CSV and pages spell it, also where one lies in another."""
    if re.fullmatch(r"[A-Za-z0-9_ -]", character):
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    spelled = ["(?i:" + "".join(rf"\\+u{units[n : n + 4]}" for n in range(0, len(units), 4)) + ")"]
    if not character.isprintable():
        spelled += [character, rf"\\+{json.dumps(character)[2:-1]}"]
    elif not character.isascii():
        spelled.append(character)
    else:
        spelled.append(rf"\\*{re.escape(character)}")
    if (in_html := escape(character)) != character:
        spelled += [in_html, f"&#{ord(character)};"]
    if character == '"':
        spelled.append('""')
    return f"(?:{'|'.join(spelled)})"


def commit(home: Path, plan: Plan) -> None:
    """Let a plan be carried out, from here on also by whoever comes after a kill."""
    draft = folder(home) / f"taking_back.{secrets.token_hex(4)}"
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(json.dumps({"replaced": plan.replaced, "removed": plan.removed}))
    publish_file(draft, _committed(home))


def carry_out(home: Path) -> bool:
    """Carry out a plan that was committed; whether there was one."""
    try:
        plan = json.loads(_committed(home).read_text())
    except FileNotFoundError:
        return False
    for written, final in plan["replaced"]:
        if (home / written).exists():
            publish_file(home / written, home / final)
    for name in plan["removed"]:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()
            sync_dir(path.parent)
    shutil.rmtree(prepared(home), ignore_errors=True)
    _committed(home).unlink(missing_ok=True)
    return True


def refuse_loads(home: Path) -> None:
    """Raise LoadAtWork while a load holds the lock of its folder."""
    for work in work_dir(home).glob("*/"):
        lock = filelock.FileLock(work / "lock")
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, OSError):
            raise LoadAtWork("A load is at work. Wait until it ends, and run this again.") from None
        lock.release()


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
