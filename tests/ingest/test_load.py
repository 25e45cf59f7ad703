"""Loading: what lands, what is a copy, and that a file may come again, grown or in another dress."""

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
import pytest

import ingest
from ingest.envelope import CONTEXT_FIELDS, LANDING_COLUMNS
from ingest.landing import duplicates
from ingest.landing.paths import new_batch_id
from tests.ingest.events import batches, event, landed, one, quarantined, write_ndjson


def test_an_event_lands_as_what_it_is(tmp_path):
    row = event(
        1,
        event_name=" Order Completed ",
        user_id="undefined",
        anonymous_id=" NULL ",
        session_id="-1",
        account_id=" acme\n",
        properties={"amount_cents": 1250, "nested": {"a": [1, None]}},
        context={"page_url": "https://x.example/", "country": "DE", "ip": "", "screen": {"w": 5}, "os": None},
        received_at="2025-03-02T00:00:00Z",
    )
    home = tmp_path / "home"
    receipt = one(write_ndjson(tmp_path / "f.ndjson", [row]), home, app="shop")
    columns = "event_name, user_id, anonymous_id, session_id, account_id, app, page_url, country, ip, os"
    assert landed(home, columns) == [
        ("Order Completed", None, None, None, "acme", "shop", "https://x.example/", "DE", None, None)
    ]
    ((properties, other, at, received, day),) = landed(
        home, "properties, context_other, occurred_at::varchar, received_at::varchar, event_date::varchar"
    )
    assert json.loads(properties) == row["properties"] and json.loads(other) == {"screen": {"w": 5}}
    assert (at, received, day) == ("2025-03-01 10:00:01", "2025-03-02 00:00:00", "2025-03-01")
    described = duckdb.execute(f"describe from '{home / (receipt.path or '')}'").fetchall()
    assert [(name, kind) for name, kind, *_ in described if name != "load_date"] == list(LANDING_COLUMNS.items())
    schema = duckdb.execute(f"describe from '{home}/landing/events/load_date=0001-01-01/schema.parquet'").fetchall()
    assert schema == described


def test_a_key_the_envelope_does_not_have_becomes_a_property(tmp_path):
    plain = [event(number) for number in range(50)]
    row = event(99, plan="pro", properties={"a": 1, "plan": "mine"}, seats=3)
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "f.ndjson", [*plain, row]), home)
    ((properties,),) = landed(home, "properties", "event_id = 'e99'")
    assert json.loads(properties) == {"a": 1, "plan": "mine", "seats": 3}


def test_other_keys_land_the_same_however_the_file_is_read(tmp_path):
    home = tmp_path / "home"
    context = {"zoom": {"b": None, "a": 1.0}, 'app "v"': "1\u00e9", "country": "DE", "none": None}
    rows = [event(1, context=context, seats=3, plan={"x": None}), event(2, context={"alpha": 1, **context})]
    assert one(write_ndjson(tmp_path / "f.ndjson", rows), home).accepted == 2
    ((other,),) = landed(home, "context_other", "event_id = 'e2'")
    assert json.loads(other) == {
        key: value for key, value in {"alpha": 1, **context}.items() if key not in ("country", "none")
    }
    receipt = one(write_ndjson(tmp_path / "dirty.ndjson", [*rows, "{"]), home)
    assert (receipt.duplicate, receipt.quarantined) == (2, 1)
    # names that differ in case cannot be columns, so such a file is read with care from the start
    receipt = one(
        write_ndjson(tmp_path / "case.ndjson", [*rows, event(3, Plan=1, plan=2), event(4, USER_ID="x")]), home
    )
    assert (receipt.accepted, receipt.duplicate) == (2, 2)
    assert landed(home, "user_id, properties", "event_id = 'e4'") == [("u4", '{"USER_ID":"x"}')]


def test_every_context_key_lands_in_its_column(tmp_path):
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "f.ndjson", [event(1, context={field: field for field in CONTEXT_FIELDS})]), home)
    # address and agent go no further: see tests/ingest/test_privacy.py
    stored = tuple(None if field in ("ip", "user_agent") else field for field in CONTEXT_FIELDS)
    assert landed(home, ", ".join(CONTEXT_FIELDS)) == [stored]
    assert landed(home, "context_other") == [(None,)]


def test_the_same_file_again_is_all_duplicates(tmp_path):
    home = tmp_path / "home"
    file = write_ndjson(tmp_path / "f.ndjson", [event(number) for number in range(100)])
    assert one(file, home).accepted == 100
    before = landed(home)
    again = one(file, home)
    assert (again.accepted, again.duplicate, again.path) == (0, 100, None)
    assert landed(home) == before


def test_a_grown_file_gives_only_what_is_new(tmp_path):
    home = tmp_path / "home"
    rows = [event(number) for number in range(20)] + [{"event_name": "ping", "occurred_at": "2025-01-01"}] * 3
    one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    grown = [*rows, event(20), {"event_name": "ping", "occurred_at": "2025-01-01"}]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", grown), home)
    assert (receipt.accepted, receipt.duplicate) == (2, 23)
    assert landed(home, "count(*), count(distinct event_id)") == [(25, 25)]


def test_rows_without_ids_repeat_and_rows_with_ids_do_not(tmp_path):
    home = tmp_path / "home"
    anonymous = {"event_name": "ping", "occurred_at": "2025-01-01"}
    rows = [
        anonymous,
        anonymous,
        event(1),
        event(1),
        anonymous,
        event(1, event_name="other"),
        {**anonymous, "app": "b"},
    ]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    assert (receipt.accepted, receipt.duplicate) == (6, 1)
    assert landed(home, "event_name, count(*), count(distinct event_id)", "event_name = 'ping' group by all") == [
        ("ping", 4, 4)
    ]


def test_the_same_id_with_other_content_is_accepted(tmp_path):
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "f.ndjson", [event(1)]), home)
    receipt = one(
        write_ndjson(tmp_path / "g.ndjson", [event(1, properties={"a": 1}), event(1, received_at=1740830400)]), home
    )
    assert (receipt.accepted, receipt.duplicate) == (1, 1)


def test_a_duplicate_is_found_among_late_events_of_many_batches(tmp_path):
    home = tmp_path / "home"
    for day in range(1, 6):
        rows = [event(100 * day + n, occurred_at=f"2025-03-0{day}T10:00:00Z") for n in range(3)]
        rows.append(event(1000 + day, occurred_at="2025-02-01T00:00:00Z"))
        one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    late = [event(1003, occurred_at="2025-02-01T00:00:00Z"), event(401, occurred_at="2025-03-04T10:00:00Z"), event(7)]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", late), home)
    assert (receipt.accepted, receipt.duplicate) == (1, 2)


def test_every_dress_of_the_envelope_gives_the_same_events(tmp_path):
    rows = [event(number, country="FR", plan="pro", properties={"price": 1.5, "n": [1]}) for number in range(10)]
    text = write_ndjson(tmp_path / "f.ndjson", rows)
    columns = "event_id, event_name, occurred_at, user_id, 'FR' as country, 'pro' as plan, properties"
    made = duckdb.sql(f"select {columns} from read_json('{text}')")
    made.write_parquet(str(tmp_path / "f.parquet"))
    flat = duckdb.sql(f"select {columns.replace('properties', 'to_json(properties) as properties')} from '{text}'")
    flat.write_csv(str(tmp_path / "f.csv"))
    flat.write_csv(str(tmp_path / "semicolons.txt"), sep=";")
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress((tmp_path / "f.csv").read_bytes()))
    (tmp_path / "text").write_bytes((tmp_path / "f.csv").read_bytes())
    with pa.CompressedOutputStream(str(tmp_path / "g.csv.zst"), "zstd") as stream:
        stream.write((tmp_path / "f.csv").read_bytes() + b"broken row\n")
    home = tmp_path / "home"
    assert one(tmp_path / "f.parquet", home).accepted == 10
    for name in ("f.csv", "semicolons.txt", "f.csv.gz", "text", "g.csv.zst"):
        receipt = one(tmp_path / name, home)
        assert (name, receipt.accepted, receipt.duplicate) == (name, 0, 10)
    nested = [{"context": {"country": row.pop("country")}, **row} for row in rows]
    for name, compress in (("n.ndjson", bytes), ("n.gz", gzip.compress)):
        (tmp_path / name).write_bytes(compress(write_ndjson(tmp_path / "plain", nested).read_bytes()))
        assert one(tmp_path / name, home).duplicate == 10


def test_what_landed_loads_again_as_what_it_was(tmp_path):
    home = tmp_path / "home"
    rows = [event(number, context={"country": "DE", "screen": 5}) for number in range(5)] + [
        {"event_name": "p", "occurred_at": 1735689600}
    ] * 3
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    assert one(home / (receipt.path or ""), home).duplicate == 8


def test_names_that_are_patterns_or_quotes_are_only_names(tmp_path):
    home = tmp_path / "it's [a]*{b} home"
    file = write_ndjson(tmp_path / "it's [a]*.ndjson", [event(1)])
    assert one(file, home).accepted == 1 and one(file, home).duplicate == 1


def test_days_that_lie_about_are_put_in_order(tmp_path):
    home = tmp_path / "home"
    rows = [
        event(number, occurred_at=f"2025-03-{1 + number * 7 % 28:02}T00:00:00Z", properties={"n": number})
        for number in range(60_000)
    ]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    groups = duckdb.execute(
        "select sum(stats_max_value::date - stats_min_value::date + 1) from parquet_metadata(?) "
        "where path_in_schema = 'event_date'",
        [str(home / (receipt.path or ""))],
    ).fetchone()
    assert receipt.accepted == 60_000 and groups and groups[0] <= 31


def test_loads_at_the_same_time_lose_nothing(tmp_path):
    home = tmp_path / "home"
    files = [write_ndjson(tmp_path / f"{k}.ndjson", [event(10 * k + n) for n in range(10)]) for k in range(6)]
    with ThreadPoolExecutor(3) as pool:
        receipts = list(pool.map(lambda file: one(file, home), files))
    assert sum(receipt.accepted for receipt in receipts) == 60 == len(landed(home))


def test_batch_ids_rise(tmp_path):
    ids = [new_batch_id()[0] for _ in range(200)]
    assert ids == sorted(set(ids))


def test_the_manifest_says_what_became_of_the_file(tmp_path):
    import hashlib

    home = tmp_path / "home"
    file = write_ndjson(tmp_path / "f.ndjson", [event(1), event(2, occurred_at="2025-03-03"), "{"])
    receipt = one(file, home)
    assert batches(home) == [receipt]
    assert receipt.source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (receipt.source.bytes, receipt.source.format) == (file.stat().st_size, "ndjson")
    assert (str(receipt.min_event_date), str(receipt.max_event_date)) == ("2025-03-01", "2025-03-03")
    assert not list((home / "landing" / ".tmp").iterdir())


def test_a_receipt_that_does_not_add_up_is_refused(tmp_path):
    receipt = one(write_ndjson(tmp_path / "f.ndjson", [event(1)]), tmp_path / "home")
    with pytest.raises(ValueError, match="do not add up"):
        ingest.BatchReceipt.model_validate({**receipt.model_dump(), "received": 2})


def test_readers_of_an_empty_home_find_empty_relations(tmp_path):
    ingest.ensure_landing(tmp_path)
    for query in (
        f"select count(*) from read_parquet('{tmp_path}/landing/events/*/*.parquet')",
        f"select count(*) from read_parquet('{tmp_path}/quarantine/*.parquet')",
        f"select count(*) from read_json('{tmp_path}/landing/batches/*.json', columns = {{batch_id: 'VARCHAR'}})",
    ):
        assert duckdb.sql(query).fetchone() == (0,)
    assert batches(tmp_path) == []


def test_the_command_prints_what_happened(tmp_path):
    file = write_ndjson(tmp_path / "f.ndjson", [event(1), "{"])
    env = {"FOOTFALL_HOME": str(tmp_path / "home"), "PATH": ""}

    def footfall(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from orchestration.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True, check=False
        )

    done = footfall("load", str(file), str(tmp_path / "missing.csv"))
    assert done.returncode == 1 and "There is no file" in done.stderr and "1 invalid_json" in done.stdout
    done = footfall("load", "--json", str(file))
    receipt = ingest.BatchReceipt.model_validate_json(done.stdout)
    assert done.returncode == 0 and (receipt.duplicate, receipt.quarantined) == (1, 1)
    assert receipt.batch_id in footfall("quarantine", "list").stdout
    assert "invalid_json" in footfall("quarantine", "show", receipt.batch_id).stdout
    assert quarantined(tmp_path / "home", receipt) == [(2, "invalid_json", b"{")]


def test_what_landed_is_asked_for_some_files_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "FILES_AT_ONCE", 2)
    home = tmp_path / "home"
    for number in range(5):
        one(write_ndjson(tmp_path / f"{number}.ndjson", [event(number), event(number + 10)]), home)
    receipt = one(write_ndjson(tmp_path / "all.ndjson", [event(number) for number in range(16)]), home)
    assert (receipt.accepted, receipt.duplicate) == (6, 10)
