"""One reader of times: every spelling in every format and order, against times made by plain Python."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.values import value_macros
from tests.ingest.events import landed, one, quarantined, write_ndjson

NOON = "2024-01-10 12:00:00"
READ = {
    "2024-01-10T12:00:00Z": NOON,
    "2024-01-10t12:00:00z": NOON,
    "2024-01-10 12:00": NOON,
    "2024-01-10T12:00Z": NOON,
    "2024-01-10 12:00:00 UTC": NOON,
    "2024-01-10 12:00:00 gmt": NOON,
    "2024-01-10T14:00:00+02": NOON,
    "2024-01-10T14:00:00+0200": NOON,
    "2024-01-10 14:00:00 +02:00": NOON,
    "2024-01-10T06:30-05:30": NOON,
    "2024-01-10T12:00:00+00:00": NOON,
    "2024-01-10 07:00:00 America/New_York": NOON,
    "2024-01-10 07:00 america/new_york": NOON,
    "2024-01-10 13:00:00 CET": NOON,
    "2024-01-10 07:00:00 Etc/GMT+5": NOON,
    "2024-01-10T12:00:00,5Z": f"{NOON}.5",
    "2024-01-10T12:00:00.5": f"{NOON}.5",
    "2024-01-10T12:00:00.123456789123Z": f"{NOON}.123456",
    "2024-01-10": "2024-01-10 00:00:00",
    "2024/1/10": "2024-01-10 00:00:00",
    "2024-01-10 24:00:00": "2024-01-11 00:00:00",
    # a clock change skips the first and repeats the second
    "2024-03-31 02:30:00 Europe/Berlin": "2024-03-31 01:30:00",
    "2024-10-27 02:30:00 Europe/Berlin": "2024-10-27 01:30:00",
    "631152000": "1990-01-01 00:00:00",
    "1704888000": NOON,
    "1704888000.25": f"{NOON}.25",
    "1.704888e9": NOON,
    "1704888000500": f"{NOON}.5",
    "1704888000123456": f"{NOON}.123456",
    "1704888000123456789": f"{NOON}.123456",
}
ZONE, YEAR, NUMBER, NEITHER = (
    "the name of its zone is none of IANA, or means two zones",
    "a bare year is no time",
    "this number is no epoch from 1990 to 2200",
    "neither ISO-8601 nor an epoch",
)
REFUSED = {
    "2015": YEAR,
    "42065.4166": NUMBER,
    "0": NUMBER,
    "-1704888000": NUMBER,
    "631151999": NUMBER,
    "20240110": NUMBER,
    "20240110120000": NUMBER,
    "7258118401": NUMBER,
    **dict.fromkeys([f"{NOON} {name}" for name in ("BST", "IST", "CST", "EST", "PST", "MST", "JST")], ZONE),
    f"{NOON} Mars/Olympus": ZONE,
    f"{NOON} SystemV/EST5": ZONE,
    f"{NOON} America/New_YorkZ": ZONE,
    f"{NOON}+02:00Z": NEITHER,
    f"{NOON}+02:00+00:00": NEITHER,
    f"{NOON}+19:00": NEITHER,
    f"{NOON}+02:60": NEITHER,
    f"{NOON}+02 Europe/Berlin": NEITHER,
    "2024-02-30": NEITHER,
    "2024-01": NEITHER,
    "2024-01-10Z": NEITHER,
    "10.01.2024": NEITHER,
    "1704888000x": NEITHER,
    "yesterday": NEITHER,
}
ORDERS = {
    "as they stand": list,
    "reversed": lambda rows: rows[::-1],
    "from the middle": lambda rows: rows[9:] + rows[:9],
}


def numbers_as_such(text: str) -> object:
    return json.loads(text) if text.isdigit() else text


def as_ndjson(folder: Path, rows: list[tuple[str, str]]) -> Path:
    lines = [{"event_id": f"e {text}", "event_name": "e", "occurred_at": numbers_as_such(text)} for text, _ in rows]
    return write_ndjson(folder / "f.ndjson", lines)


def as_csv(folder: Path, rows: list[tuple[str, str]]) -> Path:
    path = folder / "f.csv"
    path.write_text("event_id,event_name,occurred_at\n" + "".join(f'"e {text}",e,"{text}"\n' for text, _ in rows))
    return path


def as_parquet(folder: Path, rows: list[tuple[str, str]]) -> Path:
    path = folder / "f.parquet"
    with duckdb.connect() as connection:
        connection.execute("create table rows (event_id varchar, event_name varchar, occurred_at varchar)")
        connection.executemany("insert into rows values ('e ' || $1, 'e', $1)", [[text] for text, _ in rows])
        connection.execute(f"copy rows to '{path}' (format parquet)")
    return path


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("write", [as_ndjson, as_csv, as_parquet])
@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize("is_clean", [True, False])
def test_every_spelling_is_read_alike_in_every_format_and_order(tmp_path, order, write, is_mapped, is_clean):
    rows = ORDERS[order](list(({**READ} if is_clean else {**READ, **REFUSED}).items()))
    mapping = tmp_path / "m.yml"
    mapping.write_text("events: [{event_name: event_name, event_id: event_id, occurred_at: occurred_at}]")
    home = tmp_path / "home"
    receipt = one(write(tmp_path, rows), home, mapping=str(mapping) if is_mapped else None)
    assert dict(landed(home, "event_id[3:], occurred_at::varchar")) == READ
    assert receipt.quarantined_by_reason == ({} if is_clean else {"invalid_occurred_at": len(REFUSED)})


def test_the_detail_of_a_refused_time_says_why(tmp_path):
    home = tmp_path / "home"
    receipt = one(as_csv(tmp_path, list(REFUSED.items())), home)
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select detail from '{home}/quarantine/{receipt.batch_id}.parquet' order by row_number"
        ).fetchall()
    assert [detail for (detail,) in found] == [f"{text}: {why}" for text, why in REFUSED.items()]


@pytest.mark.parametrize("field", ["received_at", "sent_at"])
def test_every_time_of_the_envelope_has_the_same_reader(tmp_path, field):
    home = tmp_path / "home"
    rows = [
        {"event_id": "a", "event_name": "e", "occurred_at": NOON, field: "2024-01-10 07:00:01 America/New_York"},
        {"event_id": "b", "event_name": "e", "occurred_at": NOON, field: "2024-01-10 12:00:01"},
        {"event_id": "c", "event_name": "e", "occurred_at": NOON, field: f"{NOON} BST"},
    ]
    receipt = one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    assert receipt.quarantined_by_reason == {f"invalid_{field}": 1}
    if field == "received_at":
        second = datetime(2024, 1, 10, 12, 0, 1)
        assert landed(home, "event_id, received_at") == [("a", second), ("b", second)]


def test_a_zone_that_a_row_names_goes_before_that_of_the_load(tmp_path):
    home = tmp_path / "home"
    times = ["2024-01-10 07:00:00 America/New_York", "2024-01-10 21:00:00", "2024-01-10T12:00:00Z", "1704888000"]
    rows = [{"event_id": str(n), "event_name": "e", "occurred_at": time} for n, time in enumerate(times)]
    one(write_ndjson(tmp_path / "f.ndjson", rows), home, timezone="Asia/Tokyo")
    assert landed(home, "distinct occurred_at::varchar, timezone") == [(NOON, "Asia/Tokyo")]


FORMAT = "events: [{{event_name: {{constant: e}}, occurred_at: {{column: at, format: '{0}'}}}}]"


def test_a_mapping_reads_the_name_of_a_zone_by_the_same_reader(tmp_path):
    home, mapping = tmp_path / "home", tmp_path / "m.yml"
    mapping.write_text(FORMAT.format("%d.%m.%Y %H:%M %Z"))
    rows = ["at", "10.01.2024 07:00 America/New_York", "10.01.2024 12:00 UTC", "10.01.2024 12:00 BST", f"{NOON}Z"]
    (tmp_path / "f.csv").write_text("\n".join(rows) + "\n")
    receipt = one(tmp_path / "f.csv", home, mapping=str(mapping))
    assert landed(home, "occurred_at::varchar") == [(NOON,)] * 3
    assert [raw for _, _, raw in quarantined(home, receipt)] == [b"10.01.2024 12:00 BST"]


def test_a_mapping_that_reads_a_zone_in_the_middle_is_refused(tmp_path):
    (tmp_path / "m.yml").write_text(FORMAT.format("%Z %d.%m.%Y"))
    (tmp_path / "f.csv").write_text("at\nUTC 10.01.2024\n")
    with pytest.raises(Exception, match="%Z, the name of a zone, is read at the end only"):
        one(tmp_path / "f.csv", tmp_path / "home", mapping=str(tmp_path / "m.yml"))


NAMES = ("America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC", "CET", "Etc/GMT+5")
FRACTIONS = {"": 0, ".5": 500_000, ",25": 250_000, ".123456": 123_456, ".1234567899": 123_456}


def in_zone(wall: datetime, name: str) -> datetime:
    """What is repeated is its second occurrence, what is skipped moves forward by the change."""
    zone = ZoneInfo(name)
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    is_skipped = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall
    return (first if is_skipped else second).astimezone(UTC).replace(tzinfo=None)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, datetime, str]:
    """A text, the zone of the load and the time in UTC that the two mean."""
    wall = draw(st.datetimes(datetime(1990, 1, 2), datetime(2037, 12, 30))).replace(microsecond=0)
    if draw(st.booleans()):  # by the hour at which clocks change
        wall = datetime(2024, draw(st.sampled_from([3, 4, 10, 11])), draw(st.integers(1, 30)), 2, 30)
    load_zone = draw(st.sampled_from(NAMES))
    text = wall.strftime(f"%Y-%m-%d{draw(st.sampled_from('tT '))}%H:%M")
    fraction = draw(st.sampled_from(sorted(FRACTIONS)))
    if wall.second or fraction or draw(st.booleans()):
        text += wall.strftime(":%S") + fraction
    moment = wall + timedelta(microseconds=FRACTIONS[fraction])
    kind = draw(st.sampled_from(["none", "z", "offset", "name", "epoch"]))
    if kind == "none":
        return text, in_zone(moment, load_zone), load_zone
    if kind == "name":
        name = draw(st.sampled_from(NAMES))
        return f"{text} {draw(st.sampled_from([name, name.lower()]))}", in_zone(moment, name), load_zone
    if kind == "epoch":
        unit = draw(st.sampled_from([1, 10**3, 10**6, 10**9]))
        return str(int(wall.replace(tzinfo=UTC).timestamp()) * unit), wall, load_zone
    if kind == "z":
        return text + draw(st.sampled_from(["Z", "z", " Z", " UTC", "+00:00"])), moment, load_zone
    hours, minutes, sign = draw(st.integers(0, 14)), draw(st.sampled_from([0, 30, 45])), draw(st.sampled_from("+-"))
    written = draw(st.sampled_from(["{:02}:{:02}", "{:02}{:02}"])).format(hours, minutes)
    offset = timedelta(hours=hours, minutes=minutes)
    blank = draw(st.sampled_from(["", " "]))
    return f"{text}{blank}{sign}{written}", moment - offset if sign == "+" else moment + offset, load_zone


@settings(max_examples=60)
@given(st.lists(spelled(), min_size=1, max_size=60), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_a_time_means_what_it_says_whatever_stands_beside_it(rows, session_zone):
    with duckdb.connect() as connection:
        connection.execute(f"set timezone = '{session_zone}'")
        connection.execute(value_macros())
        connection.execute("create table rows (n bigint, written varchar, zone varchar)")
        connection.executemany("insert into rows values (?, ?, ?)", [[n, r[0], r[2]] for n, r in enumerate(rows)])
        found = connection.execute("select instant(written, zone) from rows order by n").fetchall()
    assert [at for (at,) in found] == [utc for _, utc, _ in rows]


def test_the_day_of_an_event_is_that_of_the_time_as_written(tmp_path):
    home = tmp_path / "home"
    row = {"event_id": "a", "event_name": "e", "occurred_at": "2024-01-10T23:59:59Z"}
    first = {**row, "sent_at": "2024-01-10T23:59:59Z", "received_at": "2024-01-10T23:59:59.5Z"}
    retry = {**row, "sent_at": "2024-01-11T00:00:09Z", "received_at": "2024-01-11T00:00:10Z"}
    assert one(write_ndjson(tmp_path / "f.ndjson", [retry]), home).accepted == 1
    # which of them stays is settled later, by the time: here it would hang on which came first
    assert one(write_ndjson(tmp_path / "g.ndjson", [first]), home).accepted == 1
    assert one(write_ndjson(tmp_path / "h.ndjson", [first, retry]), home).duplicate == 2
    found = landed(home, "occurred_at::varchar, event_date::varchar, corrected_date::varchar")
    assert found == [
        ("2024-01-10 23:59:59.5", "2024-01-10", None),
        ("2024-01-11 00:00:00", "2024-01-10", "2024-01-11"),
    ]
    # what its sender wrote is the same
    assert landed(home, "count(distinct content_hash)") == [(1,)]
