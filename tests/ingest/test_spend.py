"""Files of spend go through the door of events: the same receipts, duplicates, quarantine and replay."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

import ingest
from ingest.formats.spend import EVENT_NAME
from orchestration.cli import app
from tests.ingest.events import event, landed, one, quarantined, write_ndjson

FIELDS = ("spend_date", "channel", "utm_campaign", "amount", "spend_cents", "currency", "reported_at")
AS_COLUMNS = ", ".join(f"properties ->> '{field}'" for field in FIELDS)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_become_events_of_nobody_with_the_amount_as_it_was_written(tmp_path: Path) -> None:
    file = write(
        tmp_path / "spend.csv",
        "Date;Channel;Campaign;Amount;Currency;App;Reported_at",
        "2025-03-01;Paid Search;spring;12.50;eur;shop;2025-03-02T08:00:00+01:00",
        "2025-03-01;Email;;3;;;",
    )
    receipt = one(file, tmp_path / "home", kind="spend", app="news", timezone="Europe/Berlin")
    assert (receipt.accepted, receipt.quarantined, receipt.source.mapping) == (2, 0, "spend")
    assert landed(tmp_path / "home", f"app, user_id, anonymous_id, stream_id, event_name, {AS_COLUMNS}") == [
        ("news", None, None, None, EVENT_NAME, "2025-03-01", "Email", None, "3", None, None, None),
        (
            *("shop", None, None, None, EVENT_NAME),
            *("2025-03-01", "Paid Search", "spring", "12.50", None, "EUR", "2025-03-02 07:00:00"),
        ),
    ]


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
def test_other_formats_say_the_same(kind: str, tmp_path: Path) -> None:
    rows = [{"date": "2025-03-01", "channel": "Email", "spend_cents": 1250, "currency": "USD"}]
    file = write_ndjson(tmp_path / "spend.ndjson", rows)
    if kind == "parquet":
        query = "select date::date as date, channel, spend_cents, currency"
        duckdb.sql(f"copy ({query} from '{file}') to '{tmp_path / 'spend.parquet'}'")
        file = tmp_path / "spend.parquet"
    assert one(file, tmp_path / "home", kind="spend").accepted == 1
    expected = ("2025-03-01", "Email", None, None, "1250", "USD", None)
    assert landed(tmp_path / "home", AS_COLUMNS) == [expected]


BAD = {
    ",Email,1": "missing_occurred_at",
    "yesterday,Email,1": "invalid_occurred_at",
    "2025-02-30,Email,1": "invalid_occurred_at",
    "1740787200,Email,1": "invalid_occurred_at",
    "2025-03-01 10:00,Email,1": "invalid_occurred_at",
    "2999-03-01,Email,1": "too_far_in_future",
    "2025-03-01,,1": "missing_channel",
    "2025-03-01,Email,": "missing_amount",
    "2025-03-01,Email,-0.01": "negative_amount",
    "2025-03-01,Email,1e3": "invalid_amount",
    '2025-03-01,Email,"1,5"': "invalid_amount",
    "2025-03-01,Email,$1": "invalid_amount",
    "2025-03-01,Email,1,euro": "invalid_currency",
    "2025-03-01,Email,1,,soon": "invalid_reported_at",
    "2025-03-01,Email,1,,,5": "two_amounts",
}


def test_rows_that_make_no_sense_are_quarantined_with_their_reason_and_come_back_mended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    header = "date,channel,amount,currency,reported_at,spend_cents"
    lines = [line + "," * (5 - line.replace('"1,5"', "").count(",")) for line in BAD]
    receipt = one(write(tmp_path / "spend.csv", header, "2025-03-01,Email,1.10,,,", *lines), home, kind="spend")
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (len(BAD) + 1, 1, len(BAD))
    found = quarantined(home, receipt)
    assert [(reason, raw.decode()) for _, reason, raw in found] == list(zip(BAD.values(), lines, strict=True))
    mended = write(tmp_path / "mended.csv", header, "2025-03-01,Email,2.20,,,", "2025-03-01,Email,-1,,,")
    again = ingest.quarantine.replay(home, receipt.batch_id, file=mended)
    assert (again.accepted, again.quarantined_by_reason) == (1, {"negative_amount": 1})
    assert landed(home, "properties ->> 'amount'") == [("1.10",), ("2.20",)]


def test_a_key_that_no_report_has_is_not_ignored(tmp_path: Path) -> None:
    row = {"date": "2025-03-01", "channel": "Email", "amount": "1", "campain": "spring"}
    receipt = one(write_ndjson(tmp_path / "spend.ndjson", [row]), tmp_path / "home", kind="spend")
    assert receipt.quarantined_by_reason == {"unknown_column": 1}


def test_a_file_that_grew_adds_what_is_new_and_equal_rows_of_a_file_stay(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "spend.csv"
    lines = ["date,channel,amount", "2025-03-01,Email,1", "2025-03-01,Email,1"]
    assert one(write(file, *lines), home, kind="spend").accepted == 2
    grown = one(write(file, *lines, "2025-03-02,Email,1"), home, kind="spend")
    assert (grown.accepted, grown.duplicate) == (1, 2)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("date,amount", "has no column channel."),
        ("day,channel,cost", "has no column date, amount (or spend_cents)."),
        ("date,channel,amount,clicks", "has the unknown column clicks."),
    ],
)
def test_a_header_that_is_not_one_of_spend_is_refused(header: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ingest.LoadFailed) as error:
        ingest.load([write(tmp_path / "spend.csv", header, "2025-03-01,1,2,3")], tmp_path / "home", kind="spend")
    assert words in str(error.value)
    assert "A file of spend has date, channel and amount" in str(error.value)


def test_kinds_and_their_options_are_checked(tmp_path: Path) -> None:
    file = write_ndjson(tmp_path / "events.ndjson", [event()])
    with pytest.raises(ingest.LoadFailed, match=r"--kind costs is not legal\. Write events or spend\."):
        ingest.load([file], tmp_path / "home", kind="costs")
    with pytest.raises(ingest.LoadFailed, match=r"Leave out --mapping, or --kind\."):
        ingest.load([file], tmp_path / "home", kind="spend", mapping="online_retail")
    assert one(file, tmp_path / "home", kind="events").accepted == 1


def test_the_command_loads_spend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    file = write(tmp_path / "spend.csv", "date,channel,amount", "2025-03-01,Email,1", "2025-03-01,Email,x")
    result = CliRunner().invoke(app, ["load", str(file), "--kind", "spend", "--json"])
    assert result.exit_code == 0, result.output
    receipt = json.loads(result.stdout)
    assert (receipt["accepted"], receipt["quarantined_by_reason"]) == (1, {"invalid_amount": 1})
    refused = CliRunner().invoke(app, ["load", str(file), "--kind", "costs"])
    assert refused.exit_code == 1 and "Write events or spend." in refused.stderr
