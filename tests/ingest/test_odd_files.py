"""Files as spreadsheets and old programs write them, and mappings that do not fit every row."""

import gzip

import pytest

import ingest
from ingest import quarantine
from tests.ingest.events import landed, one

BLANKS = """
app: t
source: {format: csv, delimiter: ' ', header: false, columns: [a, b, c, d]}
events:
  - {event_name: {constant: x}, occurred_at: a, user_id: b, properties: {c: c, d: d}}
"""
ROW = '2025-01-01T00:00:00Z u1 "two words" 5\n'


@pytest.mark.parametrize(
    ("bad", "reason", "detail"),
    [
        ("2025-01-01T00:00:00Z u3\n", "wrong_number_of_columns", "expected 4 columns, found 2"),
        ('2025-01-01T00:00:00Z  u3 "two words" 5\n', "wrong_number_of_columns", "expected 4 columns, found 5"),
        ('2025-01-01T00:00:00Z u3 "two words 5\n', "malformed_quotes", "must end with one"),
        ('never u3 "two words" 5\n', "invalid_occurred_at", "never"),
    ],
)
def test_blanks_part_fields_and_quotes_hold_them_together(tmp_path, bad, reason, detail):
    home, file, mapping = tmp_path / "home", tmp_path / "f.txt", tmp_path / "m.yml"
    mapping.write_text(BLANKS)
    good = [ROW, ROW.replace("u1", "u2"), ROW.replace("u1", '"u ""1"""'), ROW.replace("5\n", "5 \n")]
    file.write_text("".join(good))
    assert one(file, home, mapping=str(mapping)).accepted == 4
    assert landed(home, "properties", "user_id = 'u2'") == [('{"c":"two words","d":"5"}',)]
    file.write_text("".join([*good, bad]))
    receipt = one(file, home, mapping=str(mapping))
    assert (receipt.duplicate, receipt.quarantined_by_reason) == (4, {reason: 1})
    assert detail in (quarantine.read(home, receipt.batch_id)[0].detail or "")


def test_a_row_that_when_leaves_out_is_counted_beside(tmp_path):
    home, file, mapping = tmp_path / "home", tmp_path / "f.csv", tmp_path / "m.yml"
    file.write_text("kind,at\nbuy,2025-01-01\nsell,2025-01-01\nbuy,never\n")
    events = "events: [{when: kind = 'buy', event_name: kind, occurred_at: at}]\n"
    mapping.write_text(events)
    receipt = one(file, home, mapping=str(mapping))
    assert (receipt.received, receipt.accepted, receipt.left_out) == (2, 1, 1)
    assert receipt.quarantined_by_reason == {"invalid_occurred_at": 1}
    mapping.write_text(events + "unmatched: quarantine\n")
    receipt = one(file, home, mapping=str(mapping))
    assert (receipt.received, receipt.duplicate, receipt.left_out) == (3, 1, 0)
    assert receipt.quarantined_by_reason == {"invalid_occurred_at": 1, "no_event_matches": 1}


def test_a_failing_expression_is_named_with_the_values_it_read(tmp_path):
    home, file, mapping = tmp_path / "home", tmp_path / "f.csv", tmp_path / "m.yml"
    file.write_text("at,amount,note\n2025-01-01,1,\n2025-01-02,n/a,\n")
    mapping.write_text(
        'events: [{event_name: {constant: a}, occurred_at: at, properties: {n: note, cents: {sql: "amount::int"}}}]'
    )
    receipt = one(file, home, mapping=str(mapping))
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"mapping_failed": 1})
    (row,) = quarantine.read(home, receipt.batch_id)
    assert row.detail == "events.0.properties.cents fails: amount::int, amount is 'n/a'"


@pytest.mark.parametrize("column", ["app: rides\ntimezone: Europe/Berlin\n", ""])
def test_a_replay_takes_what_the_mended_mapping_says(tmp_path, column):
    home, file, mapping = tmp_path / "home", tmp_path / "r.csv", tmp_path / "m.yml"
    file.write_text("end,rider\n2025-07-01 12:00:00,ann\n")
    mapping.write_text("events: [{event_name: {constant: ride}, occurred_at: rider, user_id: end}]")
    told = {} if column else {"app": "rides", "timezone": "Europe/Berlin"}
    receipt = one(file, home, mapping=str(mapping), **told)
    assert receipt.quarantined == 1
    mended = tmp_path / "mended.yml"
    mended.write_text(column + "events: [{event_name: {constant: ride}, occurred_at: end, user_id: rider}]")
    assert quarantine.replay(home, receipt.batch_id, mapping=str(mended)).accepted == 1
    assert landed(home, "app, occurred_at::varchar") == [("rides", "2025-07-01 10:00:00")]
    assert one(file, home, mapping=str(mended), **told).duplicate == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_as_a_spreadsheet_saves_it_lands(tmp_path, encoding, pack):
    home, file = tmp_path / "home", tmp_path / "f.csv"
    text = "sep=;\r\nevent_name;occurred_at;größe\r\nkauf;2025-01-01;a,b\r\nkauf;nie;ü\r\n"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    file.write_bytes(pack(mark + text.encode(encoding)))
    receipt = one(file, home)
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"invalid_occurred_at": 1})
    assert landed(home, "properties") == [('{"größe":"a,b"}',)]
    rows = tmp_path / "rows"
    quarantine.write_raw(home, receipt.batch_id, rows)
    rows.write_text(rows.read_text().replace("nie", "2025-01-02"))
    assert quarantine.replay(home, receipt.batch_id, file=rows).accepted == 1
    file.write_bytes(pack(mark + text.replace("kauf;nie;ü\r\n", "").encode(encoding)))
    assert one(file, home).duplicate == 1


def test_utf16_that_is_cut_is_refused(tmp_path):
    (tmp_path / "f.ndjson").write_bytes('{"event_name": "ü"}'.encode("utf-16")[:-1])
    with pytest.raises(ingest.LoadFailed, match="begins as UTF-16"):
        ingest.load([tmp_path / "f.ndjson"], tmp_path / "home")


def test_a_file_of_another_shape_is_told_of_mappings(tmp_path):
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ingest.LoadFailed, match=r"--mapping .* envelope's columns are event_id, event_name"):
        ingest.load([tmp_path / "f.csv"], tmp_path / "home")
    (tmp_path / "f.ndjson").write_text('{"name": "x", "ts": 1}\n{"name": "y", "ts": 2}\n')
    assert "--mapping" in (one(tmp_path / "f.ndjson", tmp_path / "home").advice or "")
    (tmp_path / "f.ndjson").write_text('{"event_name": "x", "occurred_at": 1735689600}\n{"name": "y", "ts": 2}\n')
    assert one(tmp_path / "f.ndjson", tmp_path / "home").advice is None
