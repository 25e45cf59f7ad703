"""What agents and addresses say of a visitor, and that it is no part of what the event says."""

import json
import subprocess
import sys
from collections import Counter

import duckdb
import pytest

from ingest import content
from ingest.agents import read
from ingest.distinct import LONGEST_KNOWN, MOST_KNOWN, remembered
from ingest.envelope import GENERATED_ID, LANDING_COLUMNS, READ_COLUMNS
from ingest.landing import earlier
from ingest.settings import IllegalSetting, LoadSettings
from tests.ingest.events import batches, event, landed, one, write_ndjson
from tests.ingest.mmdb import write_mmdb

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
READ = "agent_device_type, agent_os, agent_browser, is_bot"


@pytest.mark.parametrize(
    ("agent", "device", "os", "browser", "machine"),
    [
        (WINDOWS, "desktop", "Windows", "Chrome", None),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.0 Safari/605.1.15",
            *("desktop", "Mac OS X", "Safari", None),
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
            *("desktop", "Ubuntu", "Firefox", None),
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
            *("desktop", "Chrome OS", "Chrome", None),
        ),
        (
            "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0; Tablet PC 2.0)",
            *("desktop", "Windows", "IE", None),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.0 Mobile/15E148 Safari/604.1",
            *("mobile", "iOS", "Mobile Safari", None),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.0 Mobile/15E148 Safari/604.1",
            *("tablet", "iOS", "Mobile Safari", None),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile "
            "Safari/537.36",
            *("mobile", "Android", "Chrome Mobile", None),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            *("tablet", "Android", "Chrome", None),
        ),
        ("Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F)", None, "Android", "Android", None),
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0/6.0 TV Safari/537.36",
            *("tv", "Tizen", "Safari", None),
        ),
        ("Mozilla/5.0 (PlayStation 4 3.11) AppleWebKit/537.73 (KHTML, like Gecko)", "console", None, None, None),
        # a model whose name begins as some robots do
        (
            "Mozilla/5.0 (Linux; Android 9; CUBOT_P20) AppleWebKit/537.36 Chrome/90 Mobile Safari/537.36",
            *("mobile", "Android", "Android", None),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            *(None, None, "Googlebot", "crawler"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
            *("desktop", "Linux", "HeadlessChrome", "crawler"),
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36; compatible; GPTBot/1.0; +https://openai.com/gptbot",
            *(None, None, "GPTBot", "crawler"),
        ),
        ("curl/8.1", None, None, "curl", "library"),
        ("python-requests/2.31.0", None, None, "Python Requests", "library"),
        ("Python-urllib/3.11", None, None, "Python-urllib", "library"),
        ("Java/17.0.1", None, None, "Java", "library"),
        ("-", None, None, None, "blank"),
        ("quite another thing", None, None, None, None),
    ],
)  # fmt: skip
def test_an_agent_says_what_it_is(agent, device, os, browser, machine):
    assert read(agent) == {"device_type": device, "os": os, "browser": browser, "machine": machine}


def test_what_the_agent_says_stands_beside_what_the_sender_said(tmp_path):
    home = tmp_path / "home"
    rows = [
        event(1, context={"user_agent": WINDOWS}),
        event(2, context={"user_agent": WINDOWS, "device_type": "kiosk", "browser": "Own"}),
        event(3, context={"user_agent": "Googlebot/2.1"}),
        event(4),
        event(5, context={"user_agent": " "}),
    ]
    assert one(write_ndjson(tmp_path / "f.ndjson", rows), home).accepted == 5
    assert landed(home, f"event_id, device_type, browser, {READ}") == [
        ("e1", None, None, "desktop", "Windows", "Chrome", False),
        ("e2", "kiosk", "Own", "desktop", "Windows", "Chrome", False),
        ("e3", None, None, None, None, "Googlebot", True),
        ("e4", None, None, None, None, None, None),
        ("e5", None, None, None, None, None, None),
    ]


def test_an_event_is_known_by_what_was_sent_and_not_by_how_its_agent_is_read(tmp_path, monkeypatch):
    home = tmp_path / "home"
    row = {
        "event_name": "seen",
        "occurred_at": "2025-03-01T10:00:00Z",
        "context": {"user_agent": WINDOWS, "ip": "1.2.3.4"},
    }
    file = write_ndjson(tmp_path / "f.ndjson", [row, row])
    assert one(file, home).accepted == 2
    monkeypatch.setattr(
        "ingest.agents.read", lambda _: {**dict.fromkeys(("device_type", "browser", "machine")), "os": "x"}
    )
    database = write_mmdb(tmp_path / "c.mmdb", {"1.2.3.0/24": {"country": {"iso_code": "DE"}}})
    monkeypatch.setenv("FOOTFALL_COUNTRY_DATABASE", str(database))
    assert one(file, home).duplicate == 2
    assert one(write_ndjson(file, [row] * 3), home).accepted == 1
    assert [os for (os,) in landed(home, "agent_os")] == ["Windows", "Windows", "x"]


LOG_LINE = '203.0.113.8 - - [06/May/2024:09:08:11 +0200] "GET /a HTTP/1.1" 200 0'


def test_in_an_access_log_libraries_and_blank_agents_are_bots_and_elsewhere_they_send_for_somebody(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", "user_agent=keep")
    home, file = tmp_path / "home", tmp_path / "access.log"
    agents = ["curl/8.1", "-", "", WINDOWS, "Googlebot/2.1"]
    file.write_text("".join(f'{LOG_LINE} "-" "{agent}"\n' for agent in agents) + f"{LOG_LINE}\n")
    one(file, home)
    assert landed(home, "user_agent, is_bot") == sorted(
        [("Googlebot/2.1", True), (WINDOWS, False), ("curl/8.1", True), (None, True), (None, True), (None, None)],
        key=lambda row: (row[0] is None, row[0] or "", row[1] is None),
    )
    one(write_ndjson(tmp_path / "f.ndjson", [event(1, context={"user_agent": "curl/8.1"})]), home)
    assert landed(home, "is_bot", "event_id = 'e1'") == [(False,)]


def test_answers_are_remembered_of_so_many_texts_and_of_no_long_one():
    asked = Counter()

    @remembered
    def answer(text):
        asked[text] += 1
        return text

    long = "x" * (LONGEST_KNOWN + 1)
    for text in ("a", "a", long, long, *map(str, range(MOST_KNOWN)), "a"):
        assert answer(text) == text
    assert (asked["a"], asked["0"], asked[long]) == (2, 1, 2)


@pytest.mark.parametrize("version", [1, 2])
def test_a_log_that_landed_while_bots_were_a_property_adds_nothing(tmp_path, version, monkeypatch):
    """Then what is personal landed too: the address and the agent were of what ids are made of."""
    home, file = tmp_path / "home", tmp_path / "access.log"
    monkeypatch.setenv("FOOTFALL_ENABLE_PII_TRACKING", "true")
    file.write_text(f'{LOG_LINE} "-" "Googlebot/2.1"\n' * 2 + f'{LOG_LINE} "-" "{WINDOWS}"\n')
    one(file, home)
    as_landed_with_the_property(home, version)
    monkeypatch.delenv("FOOTFALL_ENABLE_PII_TRACKING")
    assert one(file, home).duplicate == 3
    file.write_text(file.read_text() + f'{LOG_LINE} "-" "Googlebot/2.1"\n')
    assert one(file, home).accepted == 1


def as_landed_with_the_property(home, version):
    """Give the only batch of a home the property `is_bot` of its bots, and the ids that its version made of it."""
    (receipt,) = batches(home)
    path = home / (receipt.path or "")
    columns = ", ".join(column for column in LANDING_COLUMNS if column not in READ_COLUMNS)
    columns = columns.replace("event_id", "case when n = 1 then id_then else md5(id_then || ':' || n) end as event_id")
    id_then = earlier._ID_THEN if version == 1 else GENERATED_ID
    with duckdb.connect() as connection:
        connection.execute(content.MACROS)
        connection.execute(f"""
            create table rows as select {columns.replace("content_hash", "hash(id_then) as content_hash")}
            from (
                select *, row_number() over (partition by id_then) as n
                from (
                    select *, {id_then} as id_then
                    from (
                        select * replace (case when is_bot
                            then json_merge_patch(properties, '{{"is_bot": true}}')::varchar else properties
                        end as properties)
                        from read_parquet('{path}', hive_partitioning = false)
                    )
                )
            )""")
        connection.execute(f"copy rows to '{path}' (format parquet)")
    manifest = home / "landing" / "batches" / f"{receipt.batch_id}.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "content_version": version}))


RECORDS = {
    "1.2.3.0/24": {"country": {"iso_code": "DE"}, "continent": {"code": "EU"}},
    "5.0.0.0/8": {"country_code": "fr"},
    "6.6.6.6/32": {"country": "US"},
    "7.0.0.0/8": {"continent": {"code": "EU"}},
}


def test_countries_come_from_the_database_that_the_user_names(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("FOOTFALL_COUNTRY_DATABASE", str(write_mmdb(tmp_path / "c.mmdb", RECORDS)))
    addresses = ["1.2.3.4", " 5.6.7.8 ", "6.6.6.6", "7.1.1.1", "9.9.9.9", "::1", "no address", None]
    rows = [event(number, context={"ip": ip, "country": "XX"}) for number, ip in enumerate(addresses)]
    one(write_ndjson(tmp_path / "f.ndjson", rows), home)
    assert landed(home, "event_id, country, ip_country") == [
        (f"e{number}", "XX", country) for number, country in enumerate(["DE", "FR", "US", *[None] * 5])
    ]


@pytest.mark.parametrize("text", [None, "no database"])
def test_a_database_that_cannot_be_read_is_refused_by_name(tmp_path, monkeypatch, text):
    path = tmp_path / "c.mmdb"
    if text:
        path.write_text(text)
    monkeypatch.setenv("FOOTFALL_COUNTRY_DATABASE", str(path))
    with pytest.raises(IllegalSetting, match=r"FOOTFALL_COUNTRY_DATABASE is .*c\.mmdb'; legal is the path of an mmdb"):
        LoadSettings()


def test_a_load_without_agents_reads_no_parser(tmp_path):
    file = write_ndjson(tmp_path / "f.ndjson", [event(1)])
    told = f"import sys, ingest; ingest.load([{str(file)!r}], __import__('pathlib').Path({str(tmp_path / 'home')!r}));"
    told += "print(sorted({'ua_parser', 'crawleruseragents', 'maxminddb', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True).stdout == "[]\n"
