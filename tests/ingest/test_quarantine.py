"""The way back: what was quarantined lands after a fix, and only once."""

from pathlib import Path

import duckdb
import pytest

import ingest
from ingest import quarantine
from ingest.landing.batches import UnknownBatch
from tests.ingest.events import event, landed, one, quarantined, write_ndjson


def test_a_replay_after_a_changed_setting_lands_the_rows(tmp_path, monkeypatch):
    home = tmp_path / "home"
    rows = [event(1), event(2, occurred_at="2025-03-03", received_at="2025-03-01"), {"event_name": "x"}]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), home, app="shop")
    assert receipt.quarantined_by_reason == {"missing_occurred_at": 1, "too_far_in_future": 1}
    monkeypatch.setenv("FOOTFALL_MAX_FUTURE_HOURS", "48")
    replayed = quarantine.replay(home, receipt.batch_id)
    assert (replayed.accepted, replayed.quarantined, replayed.app) == (1, 1, "shop")
    assert landed(home, "event_id, app") == [("e1", "shop"), ("e2", "shop")]
    first, second = quarantine.list(home)
    assert (first.replayed_as, second.replayed_as) == (replayed.batch_id, None)
    again = quarantine.replay(home, receipt.batch_id)
    assert (again.accepted, again.duplicate, again.quarantined) == (0, 1, 1)


@pytest.mark.parametrize("name", ["f.ndjson", "f.csv"])
def test_rows_mended_by_hand_land(tmp_path, name):
    home, rows = tmp_path / "home", tmp_path / "rows"
    if name == "f.csv":
        (tmp_path / name).write_text('event_name,occurred_at,note\na,2025-01-01,"x\ny"\nb,someday,"x\ny"\n')
    else:
        write_ndjson(tmp_path / name, [event(1), '{"event_name": "b", "occurred_at": "someday"'])
    receipt = one(tmp_path / name, home)
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    quarantine.write_raw(home, receipt.batch_id, rows)
    mended = rows.read_text().replace("someday", "2025-01-02")
    rows.write_text(mended if name == "f.csv" else mended.rstrip() + "}\n")
    assert quarantine.replay(home, receipt.batch_id, file=rows).accepted == 1
    assert len(landed(home)) == 2


def test_parquet_rows_come_back_with_their_types(tmp_path, monkeypatch):
    home = tmp_path / "home"
    duckdb.sql("""
        select 'a' as event_name, timestamp '2025-01-02 10:00:00.123456' as occurred_at,
            timestamp '2025-01-01' as received_at, 'DE' as country, {'n': 1, 'tags': ['x']} as properties, 1.5 as price
    """).write_parquet(str(tmp_path / "f.parquet"))
    monkeypatch.setenv("FOOTFALL_MAX_FUTURE_HOURS", "1")
    receipt = one(tmp_path / "f.parquet", home)
    assert receipt.quarantined == 1
    monkeypatch.delenv("FOOTFALL_MAX_FUTURE_HOURS")
    monkeypatch.setenv("FOOTFALL_MAX_FUTURE_HOURS", "100")
    assert quarantine.replay(home, receipt.batch_id).accepted == 1
    assert one(tmp_path / "f.parquet", home).duplicate == 1


def test_parquet_rows_mended_by_hand_land(tmp_path):
    home, rows = tmp_path / "home", tmp_path / "rows.ndjson"
    duckdb.sql("select 'a' as event_name, 'someday' as occurred_at, 1.5 as price").write_parquet(
        str(tmp_path / "f.parquet")
    )
    receipt = one(tmp_path / "f.parquet", home)
    quarantine.write_raw(home, receipt.batch_id, rows)
    with pytest.raises(ingest.UnusableSource, match=r"does not hold rows of .*f.parquet"):
        quarantine.replay(home, receipt.batch_id, file=write_ndjson(tmp_path / "g.ndjson", ["{"]))
    rows.write_text(rows.read_text().replace("someday", "2025-01-02"))
    assert quarantine.replay(home, receipt.batch_id, file=rows).accepted == 1
    assert landed(home, "properties") == [('{"price":1.5}',)]
    assert list(tmp_path.glob("rows*")) == [rows]


def test_a_header_comes_back_in_the_encoding_of_its_rows(tmp_path):
    home, csv, mapping = tmp_path / "home", tmp_path / "f.csv", tmp_path / "m.yml"
    csv.write_bytes("Prénom,jour\nZoé,2025-01-01\nRené,un jour\n".encode("latin-1"))
    mapping.write_text(
        "source: {encoding: latin-1}\nevents: [{event_name: {constant: a}, user_id: Prénom, occurred_at: jour}]"
    )
    receipt = one(csv, home, mapping=str(mapping))
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    rows = tmp_path / "rows"
    quarantine.write_raw(home, receipt.batch_id, rows)
    rows.write_bytes(rows.read_bytes().replace(b"un jour", b"2025-01-02"))
    assert quarantine.replay(home, receipt.batch_id, file=rows).accepted == 1
    assert landed(home, "user_id") == [("René",), ("Zoé",)]


def test_a_file_of_the_landing_that_is_no_batch_is_not_taken_for_one(tmp_path):
    receipt = one(write_ndjson(tmp_path / "f.ndjson", [event(1)]), tmp_path / "home")
    assert receipt.quarantined == 0
    for name in ("schema", "../batches/schema", ""):
        with pytest.raises(UnknownBatch, match="no batch"):
            quarantine.read(tmp_path / "home", name)


def test_a_mended_mapping_brings_the_rows_back(tmp_path):
    home, csv = tmp_path / "home", tmp_path / "f.csv"
    csv.write_text("kind,at,amount\nbuy,2025-01-01,12\nsell,2025-01-01,13\nbuy,2025-01-02,n/a\n")
    mapping = tmp_path / "m.yml"
    text = """
unmatched: quarantine
events:
  - when: kind = 'buy'
    event_name: kind
    occurred_at: at
    properties: {amount: {sql: "amount::int"}}
"""
    mapping.write_text(text)
    receipt = one(csv, home, mapping=str(mapping))
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"mapping_failed": 1, "no_event_matches": 1})
    assert quarantined(home, receipt) == [
        (3, "no_event_matches", b"sell,2025-01-01,13"),
        (4, "mapping_failed", b"buy,2025-01-02,n/a"),
    ]
    mapping.write_text(text.replace("kind = 'buy'", "true").replace("amount::int", "try_cast(amount as int)"))
    assert quarantine.replay(home, receipt.batch_id).accepted == 2
    assert one(csv, home, mapping=str(mapping)).duplicate == 3


def test_what_is_not_there_is_named(tmp_path):
    home = tmp_path / "home"
    receipt = one(write_ndjson(tmp_path / "f.ndjson", [event(1)]), home)
    assert quarantine.list(home) == []
    with pytest.raises(LookupError, match="quarantined nothing"):
        quarantine.read(home, receipt.batch_id)
    with pytest.raises(LookupError, match="no batch nope"):
        quarantine.replay(home, "nope")
    with pytest.raises(ingest.UnusableSource, match="cannot be read"):
        bad = one(write_ndjson(tmp_path / "g.ndjson", ["{"]), home)
        quarantine.replay(home, bad.batch_id, file=Path(tmp_path / "missing"))
