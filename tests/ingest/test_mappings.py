"""Mappings of the published data sets, against figures worked out with Python's csv and Decimal alone."""

import csv
import gzip
import io
from collections import Counter
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import ingest
from ingest.formats.mapping import MappingError, bundled, read_mapping
from tests.ingest.events import REAL_DATA, batches, landed, one

needs_data = pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real data sets (../shared/data) are not here")


def rows_of(path: Path, **options: Any) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), **options))


def by_name(home: Path, columns: str = "count(*)") -> dict[str, Any]:
    return {row[0]: row[1:] for row in landed(home, f"event_name, {columns}", "true group by 1")}


@needs_data
def test_online_retail(tmp_path):
    home, path = tmp_path / "home", REAL_DATA / "online_retail" / "online_retail.csv.gz"
    rows = rows_of(path)
    receipt = one(path, home, mapping="online_retail")
    assert (receipt.accepted, receipt.quarantined, receipt.app) == (len(rows), 0, "online_retail")
    cents: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    items: Counter[str] = Counter()
    london = ZoneInfo("Europe/London")
    for row in rows:
        quantity = int(row["Quantity"])
        name = "refund" if quantity < 0 else "purchase"
        amount = Decimal(row["UnitPrice"]) * abs(quantity) * 100
        cents[name] += int(amount.quantize(Decimal(1), ROUND_HALF_UP))
        lines[name] += 1
        items[name] += abs(quantity)
    amounts = (
        "count(*), sum((properties->>'amount_cents')::bigint)::bigint, sum((properties->>'quantity')::bigint)::bigint"
    )
    assert by_name(home, amounts) == {name: (lines[name], cents[name], items[name]) for name in ("purchase", "refund")}
    customers = {row["CustomerID"] for row in rows if row["CustomerID"]}
    nobody = sum(not row["CustomerID"] for row in rows)
    assert landed(home, "count(distinct user_id), count(*) filter (user_id is null)") == [(len(customers), nobody)]
    assert landed(home, "distinct user_id", "user_id = 'customer-17850'") == [("customer-17850",)]
    times = [datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=london).astimezone(UTC) for row in rows]
    expected = (
        min(times).replace(tzinfo=None),
        max(times).replace(tzinfo=None),
        sum(int(t.timestamp()) for t in times),
    )
    assert landed(home, "min(occurred_at), max(occurred_at), sum(epoch(occurred_at)::bigint)::bigint") == [expected]
    orders = {row["InvoiceNo"] for row in rows}
    assert landed(home, "count(distinct properties->>'order_id'), count(distinct country)") == [
        (len(orders), len({row["Country"] for row in rows}))
    ]
    # the bundled Parquet and the published CSV give the same events, so either may follow the other
    bundle, mapping = ingest.demo_sources()[0]
    assert one(bundle, home, mapping=mapping).duplicate == len(rows)


@needs_data
def test_ev_charging(tmp_path):
    home, path = tmp_path / "home", REAL_DATA / "ev_charging" / "station_data_dataverse.csv"
    rows = rows_of(path)
    receipt = one(path, home, mapping="ev_charging")
    paid = [row for row in rows if Decimal(row["dollars"]) > 0]
    energy = sum(Decimal(row["kwhTotal"]) for row in rows)
    cents = sum(int((Decimal(row["dollars"]) * 100).quantize(Decimal(1), ROUND_HALF_UP)) for row in paid)
    assert receipt.accepted == receipt.received == 2 * len(rows) + len(paid)
    assert {name: count for name, (count,) in by_name(home).items()} == {
        "charge_started": len(rows),
        "charge_stopped": len(rows),
        "charge_paid": len(paid),
    }
    figures = "sum((properties->>'energy_kwh')::decimal(18, 3)), sum((properties->>'amount_cents')::bigint)::bigint"
    assert landed(home, figures) == [(energy, cents)]
    assert landed(home, "count(distinct user_id), min(user_id) like 'driver-%'") == [
        (len({row["userId"] for row in rows}), True)
    ]
    started = sorted(datetime.fromisoformat(row["created"].replace("00", "20", 1)) for row in rows)
    assert [at for (at,) in landed(home, "occurred_at", "event_name = 'charge_started'")] == started
    assert (started[0].year, started[-1].year) == (2014, 2015)
    seconds = sum(
        int(
            (
                datetime.fromisoformat("2" + row["ended"][1:]) - datetime.fromisoformat("2" + row["created"][1:])
            ).total_seconds()
        )
        for row in rows
    )
    assert landed(home, "sum((properties->>'duration_seconds')::bigint)::bigint") == [(seconds,)]
    bundle, mapping = ingest.demo_sources()[1]
    assert one(bundle, home, mapping=mapping).duplicate == receipt.accepted


@needs_data
def test_ecommerce_clickstream(tmp_path):
    home, path = tmp_path / "home", REAL_DATA / "ecommerce_clickstream" / "2019-Oct_first_170min.csv"
    rows = rows_of(path)
    receipt = one(path, home, mapping="ecommerce_clickstream")
    assert receipt.accepted == len(rows)  # its five repeated rows have no ids, so they are repeats, not copies
    names = {"view": "product_viewed", "cart": "product_added", "purchase": "order_completed"}
    expected: dict[str, list[int]] = {name: [0, 0] for name in names.values()}
    for row in rows:
        expected[names[row["event_type"]]][0] += 1
        expected[names[row["event_type"]]][1] += int(Decimal(row["price"]) * 100)
    got = by_name(home, "count(*), sum((properties->>'amount_cents')::bigint)::bigint")
    assert got == {name: tuple(figures) for name, figures in expected.items()}
    distinct = tuple(len({row[key] for row in rows}) for key in ("user_id", "user_session", "product_id"))
    assert landed(
        home, "count(distinct user_id), count(distinct session_id), count(distinct properties->>'product_id')"
    ) == [distinct]
    times = [datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC") for row in rows]
    assert landed(home, "min(occurred_at), max(occurred_at)") == [(min(times), max(times))]


@needs_data
def test_community_messages(tmp_path):
    home, path = tmp_path / "home", REAL_DATA / "community_messages" / "CollegeMsg.txt"
    rows = rows_of(path, delimiter=" ")
    receipt = one(path, home, mapping="community_messages")
    assert receipt.accepted == len(rows) == 59_835
    senders = Counter(f"member-{row['src']}" for row in rows)
    assert dict(landed(home, "user_id, count(*)", "true group by 1")) == dict(senders)
    assert landed(home, "sum(epoch(occurred_at)::bigint)::bigint") == [(sum(int(row["time"]) for row in rows),)]
    assert landed(home, "count(distinct properties->>'recipient_id')") == [(len({row["dst"] for row in rows}),)]


@needs_data
def test_ab_test(tmp_path):
    home, path = tmp_path / "home", REAL_DATA / "ab_test" / "cookie_cats.csv"
    rows = rows_of(path)
    receipt = one(path, home, mapping="ab_test")
    back = sum((row["retention_1"] == "TRUE") + (row["retention_7"] == "TRUE") for row in rows)
    assert receipt.accepted == receipt.received == len(rows) + back
    arms = Counter({"gate_30": "control", "gate_40": "treatment"}[row["version"]] for row in rows)
    exposed = landed(home, "properties->>'variant', count(*)", "event_name = 'experiment_exposure' group by 1")
    assert dict(exposed) == dict(arms) == {"control": 44_700, "treatment": 45_489}
    rounds = sum(int(row["sum_gamerounds"]) for row in rows)
    assert landed(home, "sum((properties->>'rounds')::bigint)::bigint") == [(rounds,)]


def test_every_bundled_mapping_is_legal():
    assert bundled() == ["ab_test", "community_messages", "ecommerce_clickstream", "ev_charging", "online_retail"]
    assert all(read_mapping(name).events for name in bundled())


EVENT = "events:\n  - {event_name: {constant: x}, occurred_at: at"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events: []", "events: .*at least 1"),
        ("events: [{event_name: a}]", "events.0.occurred_at: Field required"),
        (EVENT + ", colour: b}", r"events.0.colour: legal keys here: .*event_name"),
        (EVENT + "}\nzone: UTC", "zone: legal keys here: .*timezone"),
        (EVENT + "}\ntimezone: Mars/Base", "timezone: .*no IANA time zone"),
        (EVENT + ", user_id: {column: a, sql: b}}", "events.0.user_id: give exactly one of"),
        (EVENT + ", context: {planet: a}}", "events.0.context.planet: .*page_url"),
        (EVENT + "}\nsource: {header: false}", "source: .*columns named"),
        ("events: [", "is no YAML"),
    ],
)
def test_a_faulty_mapping_is_told_where_and_what_is_legal(tmp_path, text, message):
    (tmp_path / "m.yml").write_text(text)
    with pytest.raises(MappingError, match=message):
        read_mapping(str(tmp_path / "m.yml"))


def test_a_mapping_that_does_not_fit_the_file_is_an_error(tmp_path):
    (tmp_path / "f.csv").write_text("at,name\n2025-01-01,a\n")
    for field, message in (("user_id: who", "reads the column 'who'"), ("user_id: {sql: nope + 1}", "nope")):
        (tmp_path / "m.yml").write_text(EVENT + ", " + field + "}")
        with pytest.raises(ingest.LoadFailed, match=message):
            ingest.load([tmp_path / "f.csv"], tmp_path / "home", mapping=str(tmp_path / "m.yml"))
    with pytest.raises(ingest.LoadFailed, match="There is no mapping nothing"):
        ingest.load([tmp_path / "f.csv"], tmp_path / "home", mapping="nothing")


def test_a_mapping_reaches_no_other_file(tmp_path):
    (tmp_path / "secret.csv").write_text("a\nsecret\n")
    (tmp_path / "f.csv").write_text("at\n2025-01-01\n")
    (tmp_path / "m.yml").write_text(EVENT + f", user_id: {{sql: \"(select max(a) from '{tmp_path}/secret.csv')\"}}}}")
    with pytest.raises(ingest.LoadFailed, match="disabled by configuration"):
        ingest.load([tmp_path / "f.csv"], tmp_path / "home", mapping=str(tmp_path / "m.yml"))


def test_json_paths_constants_formats_and_several_events(tmp_path):
    (tmp_path / "f.ndjson").write_text(
        '{"user": {"id": 7}, "start": "31/12/2024 23:00", "end": null, "n": 3}\n'
        '{"user": null, "start": "01/01/2025 00:00"}\n'
    )
    (tmp_path / "m.yml").write_text("""
app: rides
timezone: Europe/Berlin
events:
  - event_name: {constant: started}
    occurred_at: {column: start, format: '%d/%m/%Y %H:%M'}
    user_id: user.id
    properties: {n: n, fixed: {constant: true}, user: user}
  - when: json->>'n' is not null
    event_name: {constant: counted}
    occurred_at: {column: start, format: '%d/%m/%Y %H:%M'}
""")
    home = tmp_path / "home"
    receipt = one(tmp_path / "f.ndjson", home, mapping=str(tmp_path / "m.yml"))
    assert (receipt.received, receipt.accepted, receipt.app) == (3, 3, "rides")
    assert landed(home, "event_name, occurred_at::varchar, user_id, properties") == [
        ("counted", "2024-12-31 22:00:00", None, "{}"),
        ("started", "2024-12-31 22:00:00", "7", '{"n":3,"fixed":true,"user":{"id":7}}'),
        ("started", "2024-12-31 23:00:00", None, '{"n":null,"fixed":true,"user":null}'),
    ]


def test_a_file_without_a_header_in_another_encoding(tmp_path):
    (tmp_path / "f.txt").write_bytes("2025-01-01|café\n|\n".encode("latin-1"))
    (tmp_path / "m.yml").write_text(
        "source: {header: false, columns: [at, name], delimiter: '|', encoding: latin-1}\n"
        "events: [{event_name: name, occurred_at: at}]"
    )
    home = tmp_path / "home"
    receipt = one(tmp_path / "f.txt", home, mapping=str(tmp_path / "m.yml"))
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"missing_event_name": 1})
    assert landed(home, "event_name") == [("café",)]


def test_the_delimiter_is_the_one_that_cuts_out_the_columns_a_mapping_reads(tmp_path):
    (tmp_path / "m.yml").write_text("events: [{event_name: {constant: sold}, occurred_at: Tag, user_id: Kunde}]")
    (tmp_path / "f.csv").write_text("Tag;Kunde;Preis\n2025-01-01;k1;3,50\n")
    assert one(tmp_path / "f.csv", tmp_path / "home", mapping=str(tmp_path / "m.yml")).accepted == 1
    (tmp_path / "m.yml").write_bytes("description: Gerät".encode("latin-1"))
    with pytest.raises(ingest.LoadFailed, match="Save it as UTF-8"):
        ingest.load([tmp_path / "f.csv"], tmp_path / "home", mapping=str(tmp_path / "m.yml"))


RIDES = """
events:
  - event_name: {{constant: ride_started}}
    occurred_at: start
    event_id: {0}
  - event_name: {{constant: ride_ended}}
    occurred_at: end
    event_id: {1}
"""
RIDE = "ride,status,start,end\nR1,done,2015-03-02T10:00:00Z,2015-03-02T10:20:00Z\n"


def load_rides(folder: Path, text: str, rows: str = RIDE) -> ingest.BatchReceipt:
    (folder / "m.yml").write_text(text)
    (folder / "rides.csv").write_text(rows)
    return one(folder / "rides.csv", folder / "home", mapping=str(folder / "m.yml"))


@pytest.mark.parametrize(
    "text",
    [
        RIDES.format("ride", "ride"),
        RIDES.format("ride", "ride").replace(
            "- event_name: {constant: ride_ended}", "- when: status = 'done'\n    event_name: {constant: ride_ended}"
        ),
        RIDES.format("{sql: upper(ride)}", "{sql: upper(ride)}"),
    ],
)
def test_a_mapping_whose_events_share_an_id_is_refused(tmp_path, text):
    with pytest.raises(ingest.LoadFailed, match=r"m\.yml: .*events\.0 and events\.1 .* the same event_id.*-started"):
        load_rides(tmp_path, text)
    assert batches(tmp_path / "home") == []


@pytest.mark.parametrize("rows", [RIDE, RIDE + "R2,done,never,never\n"])
def test_a_row_whose_events_turn_out_to_share_an_id_is_refused(tmp_path, rows):
    with pytest.raises(
        ingest.LoadFailed, match=r"m\.yml: .*share an event_id: ride_started R1, ride_ended R1\. .*-started"
    ):
        load_rides(tmp_path, RIDES.format("ride", "{sql: \"ride || ''\"}"), rows)
    assert batches(tmp_path / "home") == []


@pytest.mark.parametrize(
    "text",
    [
        RIDES.format("{sql: \"ride || '-started'\"}", "{sql: \"ride || '-ended'\"}"),
        # of two apps, and of rows of which each is one
        RIDES.format("ride\n    app: {constant: starts}", "ride\n    app: {constant: ends}"),
        # no ids at all
        RIDES.format("{sql: \"nullif(ride, 'R1')\"}", "{sql: \"'null'\"}"),
    ],
)
def test_events_of_one_row_with_ids_of_their_own_are_loaded(tmp_path, text):
    assert load_rides(tmp_path, text).accepted == 2


def test_events_of_different_rows_may_share_the_expression_of_their_id(tmp_path):
    text = RIDES.format("ride", "ride").replace("- event_name", "- when: status = 'done'\n    event_name", 1)
    text = text.replace("- event_name", "- when: status <> 'done'\n    event_name")
    assert load_rides(tmp_path, text).accepted == 1
