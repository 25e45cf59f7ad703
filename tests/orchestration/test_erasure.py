"""Who is erased is gone from every place, as if they had never been there; so is a batch that is taken back."""

import csv
import gzip
import hmac
import html
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from ingest.collector.spool import spool_dir
from ingest.landing import taking_back
from ingest.landing.batches import UnknownBatch, list_batches, work_folder
from ingest.landing.taking_back import DEVICE, USER, Id, LoadAtWork
from ingest.privacy.key import key_file
from ingest.privacy.suppression import OPTED_OUT, Suppression
from orchestration import disclosure, erasure
from orchestration.backstage import Workshop
from orchestration.build import build, nothing_new, publish
from orchestration.cli import app
from orchestration.cli.status import describe
from orchestration.disclosure import Disclosure, DisclosureError, disclose
from orchestration.lock import HomeIsBusyError, build_lock, persons_lock
from serving import reader
from serving.ask import ask
from serving.publications import current_publication, list_publications, read_catalog
from serving.server import CannotStart, Run
from tests.ingest.events import batches, event, landed, one, quarantined, write_ndjson

# longer than the eight bytes of a text that a file of DuckDB keeps apart, as one of another person begins alike
ANN, MERGED, PHONE, TABLET = "ann-7f3a91c4", "ann-of-old-7f3a", "phone-7f3a", "tablet-7f3a"
OLD = "old-7f3a55d1"
THEIRS = [
    event(1, user_id=None, anonymous_id=TABLET),
    event(2, user_id=ANN, anonymous_id=TABLET, properties={"amount_cents": 500}, event_name="order_completed"),
    event(3, user_id=ANN, event_name="$create_alias", properties={"alias": MERGED}),
    event(4, user_id=MERGED, anonymous_id=None),
    # what she did on the telephone of bob, who had it first
    event(65, user_id=ANN, anonymous_id=PHONE),
]
OTHERS = [
    event(61, user_id="bob", anonymous_id=PHONE),
    event(62, user_id=None, anonymous_id=PHONE),
    event(63, user_id="eve", properties={"amount_cents": 700, "inviterId": PHONE}, event_name="order_completed"),
    event(64, user_id=f"{ANN}-and-longer"),
]


def test_who_is_erased_leaves_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    bad = event(5, user_id=ANN, occurred_at="never")
    one(write_ndjson(tmp_path / "a.ndjson", [*THEIRS[:3], *OTHERS[:2], bad]), home)
    old = event(70, user_id=OLD, event_id=f"event-of-{OLD}", occurred_at="2020-01-01T00:00:00Z")
    one(write_ndjson(tmp_path / "b.ndjson", [*THEIRS[3:], *OTHERS[2:], old]), home)
    with pytest.raises(erasure.ErasureError, match="footfall build"):
        erasure.erase(home, [ANN])
    build(home)
    (home / "reports").mkdir()
    (home / "reports" / "ann.html").write_text(f"<p>{ANN}</p>")
    (home / "reports" / "bob.html.gz").write_bytes(gzip.compress(f"{ANN}-and-longer".encode()))
    (home / "reports" / "log.gz").write_bytes(gzip.compress(f"failed for '{MERGED}'".encode()))
    with closing(sqlite3.connect(home / "runs.db")) as records:
        records.execute("create table event_logs (event text)")
        records.executemany("insert into event_logs values (?)", [[f'{{"row": "{TABLET}"}}'], ["{}"]])
        records.commit()
    everyone = {Id(USER, ANN), Id(USER, MERGED), Id(DEVICE, TABLET)}
    assert erasure.ids_of(home, {Id(USER, MERGED)}) == everyone
    assert_all_is_told(home, disclose(home, [MERGED], [], tmp_path / "of_ann"), everyone)
    receipt = erasure.erase(home, [ANN])
    assert nothing_new(home) is None
    assert receipt.rows == {"landing": 5, "quarantine": 1}
    assert (receipt.ids, receipt.files) == ({"user": 2, "device": 1}, 3)
    assert erasure.verify(home, receipt, everyone), "what is published shows them until the next build"
    with pytest.raises(DisclosureError, match="footfall build"):
        disclose(home, [ANN], [], tmp_path / "of_ann_again")
    of_old = {Id(USER, OLD), Id(USER, f"event-of-{OLD}")}
    assert erasure.verify(home, receipt, of_old)
    retained = erasure.retain(home, date(2024, 1, 1))
    assert retained
    assert retained.rows == {"landing": 1, "quarantine": 0}
    build(home)
    assert erasure.verify(home, receipt, everyone | of_old) == []
    assert erasure.read_receipt(home, receipt.id) == receipt
    assert len(list_publications(home)) == 1
    assert not any(name in json.dumps(asdict(receipt)) for name in (ANN, MERGED, TABLET))
    assert sorted(path.name for path in (home / "reports").iterdir()) == ["bob.html.gz"]
    with closing(sqlite3.connect(home / "runs.db")) as records:
        assert records.execute("select * from event_logs").fetchall() == [("{}",)]
    assert_readers_see_pseudonyms(home, tmp_path, monkeypatch)
    # two of bob, and none of her; what is published shows his pseudonym until the next build
    both = erasure.erase(home, [ANN, "bob"])
    assert both.rows == {"landing": 2, "quarantine": 0}
    assert erasure.verify(home, both, {Id(USER, ANN)}) == []
    assert {place.partition("/")[0] for place in erasure.verify(home, both, {Id(USER, "bob")})} == {"published"}


def assert_readers_see_pseudonyms(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is published, every row is what it was, but for its ids; and the ids are nowhere in it."""
    others = {"bob": USER, "eve": USER, f"{ANN}-and-longer": USER, PHONE: DEVICE}
    question = {"kind": "sessions"}
    before, told = published_rows(home), disclose(home, ["bob"], [], tmp_path / "of_bob")
    with reader.connect(home) as marts:
        asked = ask(marts, question).rows
    monkeypatch.setenv("FOOTFALL_PSEUDONYMOUS_IDS", "true")
    assert nothing_new(home) is None
    publish(home)
    assert nothing_new(home)

    # by the standard library, and not by what publishing uses
    own_key = hmac.digest(key_file(home).read_bytes().strip(), b"ids in what is published", "sha256")

    def pseudonym(id_: str) -> str:
        return hmac.digest(own_key, id_.encode(), "sha256").hex()[:32]

    words = re.compile(rf"(?<![\w-])(?:{'|'.join(others)})(?![\w-])")
    holds_id = re.compile(r"(person|user|anonymous|account|customer|creator|unit|session|client_session)_id")

    def replaced(column: str, value: object) -> object:
        if not isinstance(value, str):
            return value
        if holds_id.fullmatch(column):
            return pseudonym(value)
        return words.sub(lambda found: pseudonym(found[0]), value)

    after = published_rows(home)
    assert after.keys() == before.keys()
    for name, (columns, rows) in before.items():
        wanted = [tuple(map(replaced, columns, row)) for row in rows]
        assert (name, columns, sorted(map(repr, wanted))) == (name, after[name][0], sorted(map(repr, after[name][1])))
    assert {"dim_persons", "fct_sessions", "fct_person_days", "events"} <= {
        name for name, (_, rows) in after.items() if rows
    }
    with reader.connect(home) as marts:
        answer = ask(marts, question)
        wanted = [tuple(map(replaced, answer.columns, row)) for row in asked]
        assert sorted(map(repr, map(tuple, answer.rows))) == sorted(map(repr, wanted)) != []
        (row,) = marts.execute("select properties from events where event_id like '%63'").fetchall()
        assert json.loads(row[0]) == {"amount_cents": 700, "inviterId": pseudonym(PHONE)}
        # numbers by which rows meet are made with the key as well
        md5 = "md5_number_lower(id)"
        guessed = marts.execute(
            f"select 1 from (select unnest($1) as id) as guess join int_stream_days on stream_id = {md5}", [[*others]]
        )
        assert guessed.fetchall() == []

    assert len(list_publications(home)) == 1, "the earlier ones show the ids"
    in_values = taking_back.names_any(others)
    # a short one may stand in compressed bytes by chance
    long_ids = taking_back.naming({Id(kind, id_) for id_, kind in others.items() if len(id_) > 3})
    for path in erasure._all_files(home / "published"):
        assert not long_ids.search(erasure._bytes_of(path)), path
        assert path.suffix not in erasure.TABLES or not erasure._holds_value(path, in_values), path

    again = disclose(home, ["bob"], [], tmp_path / "of_bob_again")
    assert again.rows == told.rows
    files = [json.loads((each.folder / "datapackage.json").read_text()) for each in (told, again)]
    assert files[0]["ids"] == files[1]["ids"]
    assert {each["id"] for each in files[1]["ids"]} == {"bob", PHONE}
    shown = CliRunner().invoke(app, ["privacy", "pseudonym", "bob"])
    assert shown.stdout.split() == [pseudonym("bob")]


def published_rows(home: Path) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """What outsiders see of each relation, but for numbers by which rows meet."""
    publication = current_publication(home)
    assert publication
    found = {}
    with reader.connect(home) as marts:
        for name, relation in read_catalog(publication)["relations"].items():
            columns = [each["name"] for each in relation["columns"] if each["name"] != "stream_id"]
            if not relation["is_internal"]:
                listed = ", ".join(f'"{column}"' for column in columns)
                found[name] = columns, marts.execute(f'select {listed} from "{name}"').fetchall()
    return found


def assert_all_is_told(home: Path, written: Disclosure, ids: set[Id]) -> None:
    """Every published table that names them is there, with nobody else in it, and what is there is described."""
    told = json.loads((written.folder / "datapackage.json").read_text())
    assert {(each["kind"], each["id"]) for each in told["ids"]} == {(each.kind, each.id) for each in ids}
    assert (written.rows["landing"], written.rows["quarantine"], written.rows["dim_persons"]) == (5, 1, 1)
    publication = current_publication(home)
    assert publication
    relations = read_catalog(publication)["relations"]
    with duckdb.connect() as published:
        published.execute(f"attach '{publication / 'marts.duckdb'}' as marts (read_only)")
        for name, relation in relations.items():
            asked = f'select 1 from marts.{relation["schema"]}."{name}" as each where regexp_matches(each::varchar, $1)'
            names_them = published.execute(asked, [taking_back.names_any({each.id for each in ids})]).fetchall()
            # a table of event names gives an event of each as its example
            if not relation["is_internal"] and name not in ("fct_tracked_events", "fct_tracked_properties"):
                assert bool(names_them) <= (name in written.rows), name
    assert {"dim_persons", "fct_person_days", "fct_sessions", "events"} <= set(written.rows)
    for resource in told["resources"]:
        file = written.folder / resource["json"]
        rows = json.loads(file.read_text())
        with (written.folder / resource["path"]).open(newline="") as lines:
            assert len(rows) == len(list(csv.DictReader(lines))) == resource["rows"] == written.rows[resource["name"]]
        assert not re.search("bob|and-longer", file.read_text())
        assert resource["description"]
        assert all(field["description"] for field in resource["schema"]["fields"]), resource["name"]
        assert list(rows[0]) == [field["name"] for field in resource["schema"]["fields"]]


def test_an_account_that_has_the_name_of_a_person_is_not_told(tmp_path: Path) -> None:
    tables = {
        "fct_profile_properties": "(values ('person', '1', 'plan'), ('account', '1', 'tier')) t (unit, unit_id, told)",
        "fct_touches": "(values ('a', 'e1', '1', 'mine'), ('a', 'e2', '1', 'bobs')) t (app, event_id, unit_id, told)",
    }
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as marts")
        connection.execute("create table theirs as select '1' as person_id")
        connection.execute("create table their_events as select 'a' as app, 'e1' as event_id")
        relations = {}
        for name, rows in tables.items():
            columns = connection.execute(f"create table marts.{name} as from {rows}; describe marts.{name}").fetchall()
            described = [{"name": column, "description": ""} for column, *_ in columns]
            relations[name] = {"schema": "main", "is_internal": False, "description": "", "columns": described}
        disclosure._write_marts(disclosure._Written(connection, tmp_path), relations)
    told = [json.loads((tmp_path / f"{name}.json").read_text()) for name in tables]
    assert [[row["told"] for row in rows] for rows in told] == [["plan"], ["mine"]]


def test_what_is_held_is_told_before_anything_is_built_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "a.ndjson", [*THEIRS, *OTHERS, bad_of(ANN), bad_of("bob")]), home)
    Suppression(home, OPTED_OUT).add({Id(USER, ANN)})
    arguments = ["export", "--user-id", ANN, "--home", str(home), "--to", str(tmp_path / "of_ann")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0 and "1 batches landed" in done.output, done.output
    told = json.loads((tmp_path / "of_ann" / "datapackage.json").read_text())
    assert [(each["name"], each["rows"]) for each in told["resources"]] == [("landing", 3), ("quarantine", 1)]
    assert told["lists"] == {"suppressed": [], "opted_out": [{"kind": "user", "id": ANN, "app": None}]}
    logged = (home / "privacy" / "audit.ndjson").read_text()
    assert json.loads(logged)["rows"] == 4 and ANN not in logged
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 2 and "is there already" in again.output
    for wrong in (
        ["export", "--to", "x"],
        ["export", "marts", *arguments[1:]],
        ["export", "--user-id", " ", "--to", "x"],
    ):
        assert CliRunner().invoke(app, wrong).exit_code == 2


def test_a_command_opts_somebody_out_and_lets_them_in_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    file = write_ndjson(tmp_path / "a.ndjson", [event(1, user_id=ANN), event(2, user_id="bob", opt_out=True)])
    assert CliRunner().invoke(app, ["privacy", "opt-out", "--user-id", ANN]).exit_code == 0
    loaded = CliRunner().invoke(app, ["load", str(file)])
    assert "2 events of persons who opted out" in loaded.output, loaded.output
    assert describe(home)["landing"]["opted_out"] == 2
    shown = CliRunner().invoke(app, ["status"])
    assert "2 more not stored, of persons who opted out" in shown.output, shown.output
    assert CliRunner().invoke(app, ["privacy", "allow", "--user-id", ANN]).exit_code == 0
    assert one(file, home).opted_out == 1


def contents(home: Path) -> tuple[list[Any], list[Any]]:
    """What landed, but for when, and what was quarantined."""
    kept = [quarantined(home, batch) for batch in batches(home) if batch.quarantined]
    return landed(home, "* exclude (received_at)"), [(reason, raw) for rows in kept for _, reason, raw in rows]


def test_what_is_left_is_what_landed_without_them(tmp_path: Path) -> None:
    """And marts are made of nothing else: tests/end_to_end/test_zero_drift.py holds that."""
    home, without = tmp_path / "home", tmp_path / "without"
    one(write_ndjson(tmp_path / "a.ndjson", [*THEIRS, *OTHERS, bad_of(ANN), bad_of("bob")]), home)
    one(write_ndjson(tmp_path / "b.ndjson", [*OTHERS, bad_of("bob")]), without)
    plan = taking_back.plan_of_persons(home, {Id(USER, ANN), Id(USER, MERGED), Id(DEVICE, TABLET)})
    taking_back.commit(home, plan)
    taking_back.carry_out(home)
    assert contents(home) == contents(without)


def test_what_is_older_than_a_day_is_as_if_it_had_never_been_sent(tmp_path: Path) -> None:
    home, without = tmp_path / "home", tmp_path / "without"
    old = [event(n, user_id=ANN, occurred_at=f"2024-12-31T23:59:{n}.999Z") for n in (50, 51)]
    # by a clock that was an hour fast, the day after
    fast = {"sent_at": "2025-01-01T02:00:00Z", "received_at": "2025-01-01T01:00:00Z"}
    old.append(event(54, occurred_at="2025-01-01T00:10:00Z", **fast))
    # the first moment of the day itself, by a clock of another zone
    kept = [*OTHERS, event(52, occurred_at="2024-12-31T23:00:00-01:00")]
    one(write_ndjson(tmp_path / "old.ndjson", old), home)
    one(write_ndjson(tmp_path / "a.ndjson", [*old, event(53, occurred_at="2023-01-01T00:00:00Z"), *kept]), home)
    one(write_ndjson(tmp_path / "b.ndjson", [bad_of("bob")]), home)
    one(write_ndjson(tmp_path / "left.ndjson", kept), without)
    one(write_ndjson(tmp_path / "b.ndjson", [bad_of("bob")]), without)
    day, today = date(2025, 1, 1), datetime.now(UTC).date()
    before = contents(home)
    assert taking_back.rows_before(home, day) == {"landing": 4, "quarantine": 0}
    assert contents(home) == before
    receipt = erasure.retain(home, day)
    assert receipt
    assert receipt.rows == {"landing": 4, "quarantine": 0}
    assert erasure.read_receipt(home, receipt.id) == receipt
    assert contents(home) == contents(without)
    counts = [(batch.received, batch.accepted, batch.min_event_date) for batch in batches(home)]
    assert counts == [(0, 0, None), (8, 5, day), (1, 0, None)]
    assert nothing_new(home) is None
    assert not any(
        taking_back.naming({Id(USER, ANN)}).search(erasure._bytes_of(each)) for each in home.rglob("*.parquet")
    )
    assert erasure.retain(home, day) is None, "what is gone is gone"
    with pytest.raises(erasure.ErasureError, match="yet to come"):
        erasure.retain(home, today + timedelta(days=1))
    # what could not be read goes by when it was loaded
    set_loaded(home, today - timedelta(days=1))
    assert taking_back.rows_before(home, today)["quarantine"] == 1


def set_loaded(home: Path, day: date) -> None:
    """Let every batch be of a day."""
    for manifest in (home / "landing" / "batches").glob("[0-9]*.json"):
        told = json.loads(manifest.read_text()) | {"loaded_at": f"{day}T23:59:59+00:00"}
        manifest.write_text(json.dumps(told))


def test_no_default_removes_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    one(write_ndjson(tmp_path / "a.ndjson", [*OTHERS, event(9, occurred_at=datetime.now(UTC).isoformat())]), home)
    before = contents(home)

    def run(*said: str) -> str:
        done = CliRunner().invoke(app, ["retention", "--no-build", *said])
        return done.stdout if done.exit_code == 0 else str(done.exception)

    assert "no default removes any" in run()
    assert "4 rows of landing and 0 rows of quarantine would go" in run("--dry-run")
    assert "Nothing is from before 2025-03-01" in run("--before", "2025-03-01")
    assert contents(home) == before
    monkeypatch.setenv("ANALYTICS__DATA_RETENTION_DAYS", "30")
    assert "4 rows of landing and 0 rows of quarantine would go" in run("--dry-run")
    assert "4 rows of landing and 0 rows of quarantine" in run()
    assert len(contents(home)[0]) == 1


def test_what_comes_again_is_counted_and_not_stored_until_they_consent_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Suppression(home).add({Id(USER, ANN), Id(USER, MERGED), Id(DEVICE, TABLET)})
    again = one(write_ndjson(tmp_path / "again.ndjson", [*THEIRS, bad_of(ANN), event(80, user_id="bob")]), home)
    assert (again.received, again.accepted, again.quarantined, again.suppressed) == (1, 1, 0, 6)
    clean = one(write_ndjson(tmp_path / "clean.ndjson", [*THEIRS, *OTHERS]), home)
    assert (clean.received, clean.accepted, clean.suppressed) == (4, 4, 5)
    assert ANN not in (home / "privacy" / "suppressed.ndjson").read_text()
    assert erasure.allow(home, [ANN]) == 1
    back = one(write_ndjson(tmp_path / "back.ndjson", [event(81, user_id=ANN), event(82, user_id=MERGED)]), home)
    assert (back.accepted, back.suppressed) == (1, 1)


def test_who_is_found_in_one_app_is_stored_in_the_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    rows = [event(n, app=app, user_id="1", anonymous_id="d") for n, app in enumerate(("shop", "blog"))]
    file = write_ndjson(tmp_path / "a.ndjson", [*rows, event(3, app="shop", user_id=None, anonymous_id="d")])
    shop = {Id(USER, "1", "shop"), Id(DEVICE, "d", "shop")}
    Suppression(home).add(shop)
    assert (receipt := one(file, home)).suppressed == 2
    assert landed(home, "app, user_id") == [("blog", "1")]
    entries = {Suppression(home).entry(each) for each in shop}
    assert receipt.path
    assert not erasure._holds_digest(home / receipt.path, Suppression(home), entries)
    assert erasure._holds_digest(home / receipt.path, Suppression(home), {Suppression(home).entry(Id(USER, "1"))})
    assert erasure.allow(home, ["1"]) == 1
    assert (one(file, home).suppressed, len(Suppression(home).entries)) == (1, 1)


SPELLED = ["jörg", 'the "boss"', "back\\slash", "a/b", "o'hara & sons", "two\nlines", "emoji-😀", "a.b+c"]


@pytest.mark.parametrize("said", SPELLED)
def test_an_id_is_found_however_it_is_spelled(said: str, tmp_path: Path) -> None:
    told = json.dumps({"user_id": said})
    capital = re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda digits: digits[0].upper(), told)
    texts = [told, capital, json.dumps({"raw": told}), json.dumps({"user_id": said}, ensure_ascii=False)]
    texts += [told.replace("/", "\\/"), f"<p>{html.escape(said)}</p>"]
    pattern = taking_back.names_any({said})
    for text in texts:
        assert re.search(pattern, text) and re.search(pattern.encode(), text.encode())
        assert duckdb.execute("select regexp_matches($1, $2)", [text, pattern]).fetchone() == (True,)
    assert not re.search(pattern, json.dumps({"user_id": f"{said}-and-longer"}))
    home = tmp_path / "home"
    lines = [json.dumps({"user_id": said, "n": n}).encode() for n in range(2)]
    (tmp_path / "a.ndjson").write_bytes(lines[0] + b"\n" + lines[1][:-1] + b', "x": "\xff"}\n{"user_id": "bob"}\n')
    assert one(tmp_path / "a.ndjson", home).quarantined == 3
    plan = taking_back.plan_of_persons(home, {Id(USER, said)})
    assert plan.rows == {"landing": 0, "quarantine": 2}


def make_warehouse(home: Path, batch_id: str) -> None:
    """What a build of one batch would say of whose devices are whose."""
    with duckdb.connect(home / "warehouse.duckdb") as made:
        made.execute("create schema plumbing")
        made.execute(f"""
            create table plumbing.processed_batches as
            select '{batch_id}' as batch_id, 'stg_superseded_copies' as model_name""")
        made.execute("create table int_identities (id_kind varchar, id varchar, app varchar, person_id varchar)")
        made.execute(f"insert into int_identities values ('user', '{ANN}', 'a', 'p'), ('device', '{PHONE}', 'a', 'p')")


def test_a_home_of_any_name_knows_whose_devices_are_whose_and_a_broken_warehouse_is_told(tmp_path: Path) -> None:
    home = tmp_path / "o'hara"
    batch = one(write_ndjson(tmp_path / "a.ndjson", [event(1, user_id=ANN)]), home)
    with pytest.raises(erasure.ErasureError, match="Nothing was built"):
        erasure.ids_of(home, {Id(USER, ANN)})
    make_warehouse(home, batch.batch_id)
    assert erasure.ids_of(home, {Id(USER, ANN)}) == {Id(USER, ANN), Id(DEVICE, PHONE, "a")}
    assert erasure._holds_value(home / "warehouse.duckdb", taking_back.names_any({ANN}))
    assert batch.path
    assert erasure._holds_value(home / batch.path, taking_back.names_any({ANN}))
    (home / "warehouse.duckdb").write_text("this is no warehouse" * 1000)
    with pytest.raises(duckdb.Error):
        erasure.ids_of(home, {Id(USER, ANN)})


def test_what_was_gathered_of_the_erased_goes_whole(tmp_path: Path) -> None:
    home = tmp_path / "home"
    batch = one(write_ndjson(tmp_path / "a.ndjson", [event(1, user_id=ANN), event(2, user_id="bob")]), home)
    make_warehouse(home, batch.batch_id)
    for folder, text in (("of_ann", ANN), ("of_bob", "bob")):
        (home / "exports" / folder).mkdir(parents=True)
        (home / "exports" / folder / "landing.csv").write_text(text)
        (home / "exports" / folder / "copies.csv").write_text("what names nobody")
    assert erasure.erase(home, [ANN]).files == 1
    assert [path.name for path in (home / "exports").iterdir()] == ["of_bob"]
    assert len(list((home / "exports" / "of_bob").iterdir())) == 2


def test_who_has_a_short_id_takes_nothing_along_by_which_the_home_works(tmp_path: Path) -> None:
    told = {
        "settings.yml": "batch_size: '1'\n",
        "keys.json": json.dumps([{"app": "1"}]),
        "dashboards/figures/mine.yml": "limit: 1\n",
        "forwarding/amplitude.json": json.dumps({"sent": 1}),
        "report.html": "<p>1</p>",
    }
    for name, text in told.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert erasure.erase(tmp_path, ["1"]).files == 1
    assert [name for name in told if not (tmp_path / name).exists()] == ["report.html"]


def bad_of(user: str) -> dict[str, Any]:
    return event(6, user_id=user, occurred_at="never")


def held(home: Path, *ids: Id) -> list[tuple[Any, ...]]:
    return [
        row for row in landed(home, "user_id, anonymous_id") if Id(USER, row[0]) in ids or Id(DEVICE, row[1]) in ids
    ]


@contextmanager
def killed_after(files: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop what is done within before it puts a file in its place, when so many are there."""
    done, publish_file = 0, taking_back.publish_file

    def killed(written: Path, final: Path) -> None:
        nonlocal done
        if done == files:
            raise KeyboardInterrupt
        done += 1
        publish_file(written, final)

    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(taking_back, "publish_file", killed)
        yield


@pytest.mark.parametrize("stops_after", range(5))
def test_a_kill_in_the_middle_of_a_retention_is_finished_by_who_comes_next(
    stops_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    old = [event(n, user_id=ANN, occurred_at="2024-12-31T10:00:00Z") for n in (50, 51)]
    for n, each in enumerate(old):
        one(write_ndjson(tmp_path / f"{n}.ndjson", [each, event(n)]), home)
    left = [("e0",), ("e1",)]
    with killed_after(stops_after, monkeypatch):
        erasure.retain(home, date(2025, 1, 1))
    is_committed = stops_after > 0
    assert (erasure.retain(home, date(2025, 1, 1)) is None) == is_committed
    assert landed(home, "event_id") == left
    assert [batch.accepted for batch in batches(home)] == [1, 1]
    assert len(list((home / "privacy" / "receipts").iterdir())) == 1
    assert list(home.rglob("prepared")) == []


@pytest.mark.parametrize("stops_after", range(5))
def test_a_kill_in_the_middle_is_finished_by_who_comes_next(
    stops_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "a.ndjson", [*THEIRS, bad_of(ANN), bad_of("bob")]), home)
    one(write_ndjson(tmp_path / "b.ndjson", [*OTHERS, event(7, user_id=ANN)]), home)
    ids = {Id(USER, ANN), Id(USER, MERGED), Id(DEVICE, TABLET)}
    plan = taking_back.plan_of_persons(home, ids)
    assert plan.rows == {"landing": 6, "quarantine": 1}
    assert len(held(home, *ids)) == 6, "nothing is changed before the plan is committed"
    taking_back.commit(home, plan)
    with killed_after(stops_after, monkeypatch):
        taking_back.carry_out(home)
    taking_back.carry_out(home)
    assert not taking_back.carry_out(home)
    assert held(home, *ids) == []
    assert [(batch.accepted, batch.quarantined) for batch in batches(home)] == [(0, 1), (4, 0)]
    (row,) = quarantined(home, batches(home)[0])
    assert b"bob" in row[2]
    assert list(home.rglob("prepared")) == []


def test_a_batch_that_was_taken_back_can_be_loaded_again_mended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = write_ndjson(tmp_path / "a.ndjson", [event(1), event(2), {"event_name": "x"}])
    wrong = one(file, home)
    kept = one(write_ndjson(tmp_path / "b.ndjson", [event(2), event(3)]), home)
    assert [batch.batch_id for batch in taking_back.repeats_of(home, [wrong.batch_id])] == [kept.batch_id]
    receipt = erasure.retract(home, [wrong.batch_id])
    assert receipt.rows == {"landing": 2, "quarantine": 1}
    assert [batch.batch_id for batch in list_batches(home)] == [kept.batch_id]
    assert landed(home, "event_id") == [("e3",)]
    assert not list((home / "quarantine").glob("[0-9]*"))
    assert one(file, home).accepted == 2
    with pytest.raises(UnknownBatch):
        erasure.retract(home, [wrong.batch_id])


def test_nothing_is_taken_back_while_a_load_is_at_work(tmp_path: Path) -> None:
    home = tmp_path / "home"
    batch = one(write_ndjson(tmp_path / "a.ndjson", [event(1)]), home)
    with work_folder(home, "a_load"), pytest.raises(LoadAtWork):
        erasure.retract(home, [batch.batch_id])
    assert len(list_batches(home)) == 1


def test_while_somebody_builds_nobody_is_looked_for(tmp_path: Path) -> None:
    """What is built cannot be read meanwhile, and is not to be built anew for that."""
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "a.ndjson", [event(1, user_id=ANN)]), home)
    built: list[Path] = []
    with build_lock(home, "footfall build"), pytest.raises(HomeIsBusyError, match="footfall build"):
        erasure.erase(home, [ANN], build=built.append)
    assert built == []


def test_who_gathers_or_forgets_somebody_is_waited_for_however_they_began(tmp_path: Path) -> None:
    """A command and a run of a server know nothing of each other."""
    home = tmp_path / "home"
    with persons_lock(home, "footfall export"), pytest.raises(HomeIsBusyError, match="footfall export"):
        erasure.erase(home, [ANN])
    with persons_lock(home, "footfall erase"), pytest.raises(HomeIsBusyError, match="footfall erase"):
        disclose(home, [ANN], [], tmp_path / "of_ann")
    assert not (tmp_path / "of_ann").exists() and erasure.erase(home, [ANN]).rows["landing"] == 0


@pytest.mark.parametrize(("first", "second"), [("export", "erase"), ("erase", "export"), ("export", "export")])
def test_nothing_is_gathered_of_somebody_while_they_may_be_forgotten(first: str, second: str, tmp_path: Path) -> None:
    run = Run("20240301T000000_abc", first, "running", "2024-03-01T00:00:00+00:00")
    (tmp_path / "runs").mkdir()
    file = tmp_path / "runs" / f"{run.id}.json"
    file.write_text(json.dumps(asdict(run)))
    with FileLock(file.with_suffix(".lock")), pytest.raises(CannotStart, match=run.id):
        Workshop(tmp_path).start(second, {})
    assert len(list((tmp_path / "runs").glob("*.json"))) == 1


def test_a_request_that_lands_while_it_is_looked_for_is_none_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = spool_dir(tmp_path) / "footfall"
    folder.mkdir(parents=True)
    (folder / "waits.ndjson").write_text(f'{{"user_id": "{ANN}"}}\n')
    (folder / "landed.ndjson").symlink_to(tmp_path / "gone")
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    assert disclosure._waiting(tmp_path, {Id(USER, ANN)}) == 1


def test_a_person_of_many_events_and_an_address_as_id(tmp_path: Path) -> None:
    home = tmp_path / "home"
    rows = [event(n, user_id="Ann@mail.example" if n % 2 else f"u{n % 50}") for n in range(20_000)]
    one(write_ndjson(tmp_path / "a.ndjson", rows), home)
    ids = erasure.as_stored(home, ["ann@mail.example"], [])
    plan = taking_back.plan_of_persons(home, ids)
    assert plan.rows["landing"] == 10_000
    taking_back.commit(home, plan)
    taking_back.carry_out(home)
    (batch,) = batches(home)
    assert (batch.received, batch.accepted) == (10_000, 10_000)
    assert len(landed(home, "event_id")) == 10_000


def test_nobody_is_erased_by_a_blank_id(tmp_path: Path) -> None:
    with pytest.raises(erasure.ErasureError, match="Name a person"):
        erasure.as_stored(tmp_path / "home", [" "], [])
