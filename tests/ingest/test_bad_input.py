"""Every kind of bad input: a stated outcome, the bytes kept, and the good rows landed."""

import gzip
import json
import os
import zlib
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import ingest
from tests.ingest.events import batches, event, landed, one, quarantined, write_ndjson


def lines(path: Path, *rows: bytes) -> Path:
    path.write_bytes(b"".join(row + b"\n" for row in rows))
    return path


GOOD = json.dumps(event(1)).encode()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"event_name": "x", "occurred_at": "2025-0', "invalid_json"),
        (b"plain text", "invalid_json"),
        (b'{"event_name":"a"}{"event_name":"b"}', "invalid_json"),
        (b"[1, 2]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"event_name": "caf\xe9", "occurred_at": "2025-01-01T00:00:00Z"}', "invalid_utf8"),
        (b'{"event_name": "a\x00b", "occurred_at": "2025-01-01T00:00:00Z"}', "nul_byte"),
        (b'{"occurred_at": "2025-01-01T00:00:00Z"}', "missing_event_name"),
        (b'{"event_name": "  ", "occurred_at": "2025-01-01T00:00:00Z"}', "missing_event_name"),
        (b'{"event_name": "x"}', "missing_occurred_at"),
        (b'{"event_name": "x", "occurred_at": null}', "missing_occurred_at"),
        (b'{"event_name": "x", "occurred_at": "yesterday"}', "invalid_occurred_at"),
        (b'{"event_name": "x", "occurred_at": "2025-02-30T00:00:00Z"}', "invalid_occurred_at"),
        (b'{"event_name": "x", "occurred_at": true}', "invalid_occurred_at"),
        (b'{"event_name": "x", "occurred_at": "20250101"}', "invalid_occurred_at"),
        (b'{"event_name": "x", "occurred_at": "294247-01-10"}', "too_far_in_future"),
        (b'{"event_name": "x", "occurred_at": "infinity"}', "invalid_occurred_at"),
        (b'{"event_name": "x", "occurred_at": "0001-01-01T00:00:00Z"}', "too_far_in_past"),
        (b'{"event_name": "x", "occurred_at": "9999-12-31T23:59:59Z"}', "too_far_in_future"),
        (b'{"event_name": "x", "occurred_at": "2025-01-01T00:00:00Z", "received_at": "soon"}', "invalid_received_at"),
        (b'{"event_name": "x", "occurred_at": "2025-01-01T00:00:00Z", "sent_at": "soon"}', "invalid_sent_at"),
        (
            b'{"event_name": "x", "occurred_at": "294246-01-01", "received_at": "2024-01-01", "sent_at": "1900-01-01"}',
            "invalid_occurred_at",
        ),
        (
            b'{"event_name":"x","occurred_at":"2024-01-01","received_at":"294246-01-01","sent_at":"1900-01-01"}',
            "invalid_occurred_at",
        ),
        (b'{"event_name": "x", "occurred_at": "2025-01-01T00:00:00Z", "properties": "a"}', "wrong_type"),
        (b'{"event_name": "x", "occurred_at": "2025-01-01T00:00:00Z", "properties": [1]}', "wrong_type"),
        (b'{"event_name": "x", "occurred_at": "2025-01-01T00:00:00Z", "context": 5}', "wrong_type"),
        (b'{"event_name": {"a": 1}, "occurred_at": "2025-01-01T00:00:00Z"}', "wrong_type"),
        (b'{"event_name": "x", "occurred_at": "2025-01-01T00:00:00Z", "user_id": ["u"]}', "wrong_type"),
    ],
)
def test_a_bad_line_is_quarantined_with_its_bytes_and_its_neighbours_land(tmp_path, bad, reason):
    home = tmp_path / "home"
    receipt = one(lines(tmp_path / "f.ndjson", GOOD, bad, json.dumps(event(2)).encode()), home)
    assert (receipt.received, receipt.accepted, receipt.quarantined_by_reason) == (3, 2, {reason: 1})
    assert quarantined(home, receipt) == [(2, reason, bad)]
    assert landed(home, "event_id") == [("e1",), ("e2",)]


def test_a_text_that_begins_like_an_array_is_still_a_text(tmp_path):
    receipt = one(
        write_ndjson(tmp_path / "f.ndjson", [event(1, event_name="[Amplitude] Page Viewed")]), tmp_path / "home"
    )
    assert receipt.accepted == 1
    assert landed(tmp_path / "home", "event_name") == [("[Amplitude] Page Viewed",)]


def test_a_long_line_lands_and_a_too_long_one_is_kept(tmp_path, monkeypatch):
    home = tmp_path / "home"
    long = json.dumps(event(1, properties={"text": "x" * 10_000_000})).encode()
    receipt = one(lines(tmp_path / "f.ndjson", long, json.dumps(event(2)).encode(), b"{"), home)
    assert (receipt.accepted, receipt.quarantined_by_reason) == (2, {"invalid_json": 1})
    assert landed(home, "max(strlen(properties))") == [(10_000_011,)]
    monkeypatch.setenv("FOOTFALL_MAX_LINE_BYTES", "1000000")
    receipt = one(tmp_path / "f.ndjson", tmp_path / "other")
    assert receipt.quarantined_by_reason == {"invalid_json": 1, "line_too_long": 1}
    assert quarantined(tmp_path / "other", receipt)[0] == (1, "line_too_long", long)


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("2025-01-01T00:00:00Z", "UTC", "2025-01-01 00:00:00"),
        ("2025-01-01T00:00:00.123456789Z", "UTC", "2025-01-01 00:00:00.123456"),
        ("2025-01-01T05:30:00+05:30", "Europe/Berlin", "2025-01-01 00:00:00"),
        ("2025-01-01T05:30:00+0530", "UTC", "2025-01-01 00:00:00"),
        ("2025-01-01T00:00Z", "UTC", "2025-01-01 00:00:00"),
        ("2025-01-01t00:00:00,5z", "UTC", "2025-01-01 00:00:00.5"),
        ("2025-01-01 01:00:00 +01:00", "UTC", "2025-01-01 00:00:00"),
        ("2025-01-01 00:00:00 UTC", "Asia/Tokyo", "2025-01-01 00:00:00"),
        ("2025-01-01T09:00:00", "Asia/Tokyo", "2025-01-01 00:00:00"),
        ("2025-01-01", "Asia/Tokyo", "2024-12-31 15:00:00"),
        ("1735689600", "Asia/Tokyo", "2025-01-01 00:00:00"),
        (1735689600, "UTC", "2025-01-01 00:00:00"),
        (1735689600.25, "UTC", "2025-01-01 00:00:00.25"),
        (1735689600123, "UTC", "2025-01-01 00:00:00.123"),
        ("1735689600123.5", "UTC", "2025-01-01 00:00:00.1235"),
        (" 2025-01-01T00:00:00Z ", "UTC", "2025-01-01 00:00:00"),
        # the hour that the clocks repeat is its second occurrence, the one that they skip is moved forward
        ("2025-11-02 01:30:00", "America/New_York", "2025-11-02 06:30:00"),
        ("2025-03-09 02:30:00", "America/New_York", "2025-03-09 07:30:00"),
    ],
)
def test_a_time_is_read_as_what_it_says(tmp_path, written, zone, utc):
    home = tmp_path / "home"
    one(write_ndjson(tmp_path / "f.ndjson", [event(1, occurred_at=written)]), home, timezone=zone)
    expected = duckdb.execute("select ?::timestamp", [utc]).fetchone()
    assert landed(home, "occurred_at") == [expected]


def test_zones_and_epochs_mix_in_one_file(tmp_path):
    home = tmp_path / "home"
    times = ["2025-01-01T00:00:00Z", "2025-01-01T02:00:00+02:00", 1735689600, 1735689600000, "2025-01-01 09:00:00"]
    rows = [event(number, occurred_at=time) for number, time in enumerate(times)]
    one(write_ndjson(tmp_path / "f.ndjson", rows), home, timezone="Asia/Tokyo")
    assert landed(home, "distinct epoch(occurred_at)::bigint") == [(1735689600,)]


def test_the_future_begins_after_the_receipt(tmp_path, monkeypatch):
    rows = [
        event(1, occurred_at="2025-01-02T00:00:00Z", received_at="2025-01-01T00:00:00Z"),
        event(2, occurred_at="2025-01-02T00:00:01Z", received_at="2025-01-01T00:00:00Z"),
    ]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), tmp_path / "home")
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"too_far_in_future": 1})
    monkeypatch.setenv("FOOTFALL_MAX_FUTURE_HOURS", "25")
    assert one(tmp_path / "f.ndjson", tmp_path / "other").accepted == 2


def test_a_skewed_clock_is_corrected_by_what_the_row_carries(tmp_path):
    row = event(
        1, occurred_at="2025-01-01T10:00:00Z", sent_at="2025-01-01T10:00:05Z", received_at="2025-01-01T09:00:07Z"
    )
    one(write_ndjson(tmp_path / "f.ndjson", [row]), tmp_path / "home")
    assert [str(at) for (at,) in landed(tmp_path / "home", "occurred_at")] == ["2025-01-01 09:00:02"]


@pytest.mark.parametrize("name", ["f.ndjson", "f.csv", "f"])
def test_an_empty_file_is_received_as_nothing(tmp_path, name):
    (tmp_path / name).touch()
    receipt = one(tmp_path / name, tmp_path / "home")
    assert (receipt.received, receipt.path) == (0, None)


def test_a_time_past_all_calendars_is_no_time(tmp_path):
    rows = [event(1), event(2, occurred_at="294247-01-10T00:00:00")]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), tmp_path / "home", timezone="America/New_York")
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"invalid_occurred_at": 1})


def test_blank_lines_count_nothing(tmp_path):
    receipt = one(lines(tmp_path / "f.ndjson", b"", GOOD, b"   ", b"{", b"\t"), tmp_path / "home")
    assert (receipt.received, receipt.accepted) == (2, 1)


def test_a_folder_is_all_its_files_and_an_empty_one_an_error(tmp_path):
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    write_ndjson(folder / "a.ndjson", [event(1)])
    write_ndjson(folder.parent / "b.ndjson", [event(2)])
    write_ndjson(folder.parent / ".hidden.ndjson", [event(3)])
    assert [receipt.accepted for receipt in ingest.load([tmp_path / "in"], tmp_path / "home")] == [1, 1]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ingest.LoadFailed, match="holds no files"):
        ingest.load([tmp_path / "nothing"], tmp_path / "home")


def test_an_unusable_file_does_not_keep_the_others_out(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    good = write_ndjson(tmp_path / "f.ndjson", [event(1)])
    with pytest.raises(ingest.LoadFailed) as failed:
        ingest.load([tmp_path / "missing.csv", tmp_path / "picture.png", good], tmp_path / "home")
    assert [receipt.accepted for receipt in failed.value.receipts] == [1]
    messages = [message for _, message in failed.value.failures]
    assert "There is no file" in messages[0] and "neither NDJSON, CSV nor Parquet" in messages[1]


def test_damaged_files_are_named(tmp_path):
    whole = gzip.compress(b"\n".join([GOOD] * 5000))
    (tmp_path / "cut.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and then nothing")
    for name in ("cut.ndjson.gz", "cut.parquet"):
        with pytest.raises(ingest.LoadFailed, match=f"{name} is damaged"):
            ingest.load([tmp_path / name], tmp_path / "home")
    assert landed(tmp_path / "home") == []


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_compressed_file_that_is_cut_at_a_line_end_is_not_taken_for_a_whole_one(tmp_path, kind, compression):
    half = b"".join(
        (ROW if kind == "csv" else GOOD.replace(b"e1", b"e%d%d")) % (n, n % 10) + b"\n" for n in range(3000)
    )
    file = tmp_path / f"cut.{kind}.{compression}"
    if compression == "gzip":
        packer = zlib.compressobj(wbits=31)
        file.write_bytes(packer.compress(HEADER * (kind == "csv") + b"\n" + half) + packer.flush(zlib.Z_FULL_FLUSH))
    else:
        with pa.CompressedOutputStream(pa.OSFile(str(file), "wb"), "zstd") as packed:
            packed.write(HEADER * (kind == "csv") + b"\n" + half)
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ingest.LoadFailed, match=f"{file.name} is damaged"):
        ingest.load([file], tmp_path / "home")
    assert landed(tmp_path / "home") == []


def test_a_flipped_bit_is_found_by_the_checksum(tmp_path):
    rows = HEADER + b"\n" + b"".join(ROW % (n, n % 10) + b"\n" for n in range(3000))
    packed = bytearray(gzip.compress(rows, compresslevel=0))  # stored as it is, so that every flip can be read
    packed[len(packed) // 2] ^= 1
    (tmp_path / "f.csv.gz").write_bytes(packed)
    with pytest.raises(ingest.LoadFailed, match="is damaged"):
        ingest.load([tmp_path / "f.csv.gz"], tmp_path / "home")


def test_an_odd_file_says_what_is_odd_and_the_others_land(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    write_ndjson(folder / "1.ndjson", [event(1)])
    (folder / "2.csv").write_bytes(HEADER + b"\r" + ROW % (2, 2) + b"\r")
    write_ndjson(folder / "3.ndjson", [event(3)])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ingest.LoadFailed) as failed:
        ingest.load([folder, tmp_path / "pipe"], tmp_path / "home")
    assert [receipt.accepted for receipt in failed.value.receipts] == [1, 1]
    messages = [message for _, message in failed.value.failures]
    assert "2.csv" in messages[0] and "line feed" in messages[0]
    assert "pipe is neither a file nor a folder" in messages[1]


HEADER = b"event_id,event_name,occurred_at,user_id,plan"
ROW = b"c%d,page_view,2025-01-01T00:00:0%dZ,u1,pro"


def test_a_csv_lands_whatever_its_dress(tmp_path):
    rows = [
        b'c1,"page ""view""",2025-01-01T00:00:00Z,u1,"two\nlines, one field"',
        ROW % (2, 2),
        b'c3,5" disk,2025-01-01,,',
    ]
    for number, dress in enumerate([b"", b"\xef\xbb\xbf"]):
        for newline in (b"\n", b"\r\n"):
            home = tmp_path / f"home{number}{len(newline)}"
            text = dress + newline.join([HEADER, *rows]) + newline
            (tmp_path / "f.csv").write_bytes(text)
            assert one(tmp_path / "f.csv", home).accepted == 3
            clean = landed(home, "* exclude (received_at)")
            assert [row[1] for row in clean] == ['page "view"', "page_view", '5" disk']
            # the careful reading of a file with a bad row must see the same events as the fast one
            (tmp_path / "g.csv").write_bytes(text + b"too,few" + newline)
            receipt = one(tmp_path / "g.csv", home)
            assert (receipt.duplicate, receipt.quarantined_by_reason) == (3, {"wrong_number_of_columns": 1})
            assert quarantined(home, receipt)[0][2].rstrip(b"\r") == b"too,few"


@pytest.mark.parametrize(
    "row",
    [
        b'c1,ping,2025-01-01,u1,"one\r\ntwo\r\n"',
        b'c1,ping,2025-01-01,u1,"one\ntwo\n\nthree"',
        b'c1,ping,2025-01-01, "u1",pro',
        b'c1,ping,2025-01-01,"u1" ,pro',
        b'c1,ping,2025-01-01,  "u,1"  ,"p""ro" ',
        b"c1,ping,2025-01-01, u1 , pro ",
        b'c1,ping,2025-01-01,u1, "over\r\n, two ""lines""" ',
        b'c1,ping,2025-01-01,u1, " "',
    ],
)
def test_both_readings_of_a_csv_see_the_same_events(tmp_path, row):
    home, file = tmp_path / "home", tmp_path / "f.csv"
    file.write_bytes(b"\r\n".join([HEADER, row, ROW % (2, 2), b""]))
    assert one(file, home).accepted == 2
    file.write_bytes(file.read_bytes() + b"too,few\r\n")
    receipt = one(file, home)
    assert (receipt.duplicate, receipt.quarantined_by_reason) == (2, {"wrong_number_of_columns": 1})


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_may_name_its_columns_as_it_likes(tmp_path, suffix):
    home, file = tmp_path / "home", tmp_path / f"f.{suffix}"
    columns = "'ping' as event_name, '2025-01-01' as occurred_at, 'yes' as is_legal, '{}' as sent_properties"
    for bad in ("", " union all select 'ping', 'someday', 'no', 'x'"):
        duckdb.sql(f"copy (select {columns}{bad}) to '{file}'")
        receipt = one(file, home)
        assert (receipt.accepted + receipt.duplicate, receipt.quarantined) == (1, bool(bad))
    assert landed(home, "properties") == [('{"is_legal":"yes","sent_properties":"{}"}',)]
    duckdb.sql(f"copy (select {columns}, 1 as _PROBLEM) to '{file}'")
    with pytest.raises(ingest.LoadFailed, match="names a column '_PROBLEM', as loading itself does"):
        ingest.load([file], home)


@pytest.mark.parametrize("key", ["", "*", "a/b~c", '"', "\\", "$", "[0]", "1"])
def test_a_key_may_be_any_text(tmp_path, key):
    home, file = tmp_path / "home", tmp_path / "f.ndjson"
    rows = [event(1, context={key: 1}, **{key: [2]}), event(2, properties={key: 3})]
    write_ndjson(file, rows)
    assert one(file, home).accepted == 2
    assert [json.loads(text) for _, text in landed(home, "event_id, properties")] == [{key: [2]}, {key: 3}]
    assert landed(home, "context_other", "event_id = 'e1'") == [(json.dumps({key: 1}, separators=(",", ":")),)]
    write_ndjson(file, [*rows, "{"])
    assert (one(file, home).duplicate, len(batches(home))) == (2, 2)


@pytest.mark.parametrize(
    ("bad", "reason", "line"),
    [
        (b"c9,page_view", "wrong_number_of_columns", 3),
        (b"c9,page_view,2025-01-01,u1,pro,extra", "wrong_number_of_columns", 3),
        (b"c9,caf\xe9,2025-01-01,u1,pro", "invalid_utf8", 3),
        (b"c9,a\x00b,2025-01-01,u1,pro", "nul_byte", 3),
        (b"c9,,2025-01-01,u1,pro", "missing_event_name", 3),
        (b"c9,page_view,,u1,pro", "missing_occurred_at", 3),
        (b"c9,page_view,someday,u1,pro", "invalid_occurred_at", 3),
        (b'c9,page_view,2025-01-01,u1,"pro', "malformed_quotes", 3),
        (b'c9,page_view,2025-01-01,u1,"pro"x', "malformed_quotes", 3),
        (b'c9,page_view,bad,u1,"a\nb"', "invalid_occurred_at", 3),
    ],
)
def test_a_bad_csv_row_is_quarantined_with_its_bytes_and_its_neighbours_land(tmp_path, bad, reason, line):
    home = tmp_path / "home"
    receipt = one(lines(tmp_path / "f.csv", HEADER, ROW % (1, 1), bad, ROW % (2, 2), ROW % (3, 3)), home)
    assert (receipt.accepted, receipt.quarantined_by_reason) == (3, {reason: 1})
    assert quarantined(home, receipt) == [(line, reason, bad)]


def test_a_csv_of_five_hundred_columns_keeps_them_as_properties(tmp_path):
    names = [f"p{number}" for number in range(497)]
    header = ",".join(["event_name", "occurred_at", "user_id", *names]).encode()
    row = ",".join(["wide", "2025-01-01", "u1", *(str(number) for number in range(497))]).encode()
    receipt = one(lines(tmp_path / "f.csv", header, row, b"short,row"), tmp_path / "home")
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"wrong_number_of_columns": 1})
    (properties,) = landed(tmp_path / "home", "properties")[0]
    assert json.loads(properties) == {name: str(number) for number, name in enumerate(names)}


def test_a_missing_column_is_an_error_that_names_it(tmp_path):
    lines(tmp_path / "f.csv", b"event_name,user_id", b"a,b")
    duckdb.sql("select 'a' as name, 1 as occurred_at").write_parquet(str(tmp_path / "f.parquet"))
    for name, missing in (("f.csv", "occurred_at"), ("f.parquet", "event_name")):
        with pytest.raises(ingest.LoadFailed, match=f"no column {missing}"):
            ingest.load([tmp_path / name], tmp_path / "home")


def test_an_optional_column_may_be_missing_and_a_name_may_not_come_twice(tmp_path):
    assert one(lines(tmp_path / "f.csv", b"occurred_at;event_name", b"2025-01-01;a"), tmp_path / "home").accepted == 1
    lines(tmp_path / "g.csv", b"event_name,occurred_at,Plan,plan", b"a,2025-01-01,1,2")
    with pytest.raises(ingest.LoadFailed, match="twice"):
        ingest.load([tmp_path / "g.csv"], tmp_path / "home")


def test_bad_parquet_rows_are_quarantined_as_json(tmp_path):
    duckdb.sql("""
        select * from (values ('a', timestamp '2025-01-01', {'k': 1}), (null, timestamp '2025-01-01', {'k': 2}))
        events(event_name, occurred_at, properties)""").write_parquet(str(tmp_path / "f.parquet"))
    home = tmp_path / "home"
    receipt = one(tmp_path / "f.parquet", home, timezone="Asia/Tokyo")
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"missing_event_name": 1})
    assert landed(home, "occurred_at::varchar, properties") == [("2024-12-31 15:00:00", '{"k":1}')]
    ((number, _, raw),) = quarantined(home, receipt)
    assert number == 2 and json.loads(raw)["properties"] == {"k": 2}
