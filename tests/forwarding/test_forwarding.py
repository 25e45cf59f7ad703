"""Landed events reach a destination at least once, always under the same ids, whatever it answers."""

import hashlib
import hmac
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ingest
from forwarding.destinations import destinations
from forwarding.forwarder import AlreadyForwarding, Forwarder
from forwarding.progress import DeadLetter, Progress, Records
from forwarding.settings import ForwardingSettings
from ingest.landing.paths import batches_dir
from tests.forwarding.vendor import Answer, Vendor, vendor
from tests.ingest.collector.conftest import serving
from tests.ingest.events import event, landed, write_ndjson


def land(home: Path, numbers: range, **fields: Any) -> None:
    rows = write_ndjson(home.parent / f"{numbers}.ndjson", [event(number, **fields) for number in numbers])
    ingest.load([rows], home)


def forwarder(home: Path, to: Vendor, name: str = "amplitude", size: int = 10, **more: Any) -> Forwarder:
    settings = ForwardingSettings.model_validate(
        {
            "amplitude_api_key": "k",
            "amplitude_url": to.url("/2/httpapi"),
            "mixpanel_token": "k",
            "mixpanel_url": to.url("/import"),
            "segment_write_key": "k",
            "segment_url": to.url("/v1/batch"),
            "webhook_urls": to.url("/hook"),
            "webhook_secret": "s",
            "forward_timeout_seconds": 0.5,
            "forward_patience_seconds": 20,
            **more,
        }
    )
    found = {each.name.partition("-")[0]: each for each in destinations(settings)}
    return Forwarder(home, found[name], settings, size)


def ids(told: Any) -> list[str]:
    """The insert ids of a request, by whichever protocol."""
    listed = told if isinstance(told, list) else told.get("events") or told.get("batch")
    return [
        each.get("insert_id") or each.get("messageId") or each.get("event_id") or each["properties"]["$insert_id"]
        for each in listed
    ]


def sent(to: Vendor) -> list[list[str]]:
    return [ids(told) for told in to.told()]


NAMES = ["amplitude", "mixpanel", "segment", "webhook"]


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_landed_is_sent_once_and_in_order(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(25))
    with vendor() as to:
        outcome = forwarder(home, to, name).forward()
        assert (outcome.sent, outcome.refused, outcome.fault) == (25, 0, None)
        assert sent(to) == [[f"e{n}" for n in part] for part in (range(10), range(10, 20), range(20, 25))]
        assert forwarder(home, to, name).forward().sent == 0
        land(home, range(25, 30))
        assert forwarder(home, to, name).forward().sent == 5
        assert sent(to)[3:] == [[f"e{n}" for n in range(25, 30)]]


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_is_tried_again_with_the_same_ids(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(5))
    with vendor((503, {}, "busy"), (429, {"Retry-After": "0"}, {}), None, (500, {"Retry-After": "0"}, {})) as to:
        assert forwarder(home, to, name).forward().sent == 5
        assert sent(to) == [[f"e{n}" for n in range(5)]] * 5


def test_an_answer_says_when_to_come_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(1))
    with vendor((429, {"Retry-After": "2"}, {})) as to:
        began = time.monotonic()
        assert forwarder(home, to).forward().sent == 1
        assert time.monotonic() - began >= 2
    land(home, range(1, 2))
    with vendor((503, {"Retry-After": "3600"}, {})) as to:
        one = forwarder(home, to)
        assert "503" in str(one.forward().fault)
        assert one.waiting() == 1
        assert one.forward().sent == 1


@pytest.mark.parametrize("answer", [(503, {}, {}), None], ids=["busy", "hangs"])
def test_patience_ends_and_nothing_is_lost(answer: Answer | None, tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(15))
    with vendor((200, {}, {}), *[answer] * 9) as to:
        one = forwarder(home, to, forward_patience_seconds=1.5)
        outcome = one.forward()
        assert outcome.sent == 10
        assert outcome.fault
        assert one.records.read().fault == outcome.fault
        to.answers.clear()
        assert one.forward().sent == 5
        assert {each for part in sent(to) for each in part} == {f"e{n}" for n in range(15)}
        assert one.records.read().fault is None


def test_a_batch_that_is_too_large_is_split_and_an_event_that_is_is_a_dead_letter(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(8))

    def answer(told: Any) -> Answer:
        return (413, {}, {}) if len(ids(told)) > 2 or ids(told) == ["e5"] or "e5" in ids(told) else (200, {}, {})

    with vendor(*[answer] * 30) as to:
        one = forwarder(home, to)
        outcome = one.forward()
        assert (outcome.sent, outcome.refused, outcome.fault) == (7, 1, None)
        assert [(letter.place[1], letter.reason) for letter in one.records.dead()] == [("e5", "413: {}")]


def named_by(name: str, place: int) -> Any:
    return {
        "amplitude": {"code": 400, "error": "bad", "events_with_invalid_fields": {"time": [place]}},
        "mixpanel": {"code": 400, "failed_records": [{"index": place, "field": "properties.time", "message": "old"}]},
        "webhook": {"refused": [place]},
        "segment": {"message": "bad"},
    }[name]


@pytest.mark.parametrize("name", NAMES)
def test_what_an_answer_refuses_is_a_dead_letter_and_can_be_replayed(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(8))

    def answer(told: Any) -> Answer:
        found = ids(told)
        return (400, {}, named_by(name, found.index("e3"))) if "e3" in found else (200, {}, {})

    with vendor(*[answer] * 30) as to:
        one = forwarder(home, to, name)
        outcome = one.forward()
        assert (outcome.sent, outcome.refused, outcome.fault) == (7, 1, None)
        assert one.forward().sent == 0
        assert [letter.place[1] for letter in one.records.dead()] == ["e3"]
        again = one.replay()
        assert (again.sent, again.refused) == (0, 1)
        to.answers.clear()
        again = one.replay()
        assert (again.sent, again.refused) == (1, 0)
        assert sent(to)[-1] == ["e3"]
        assert one.records.dead() == []


def test_replay_waits_once_where_nothing_is_taken_and_keeps_every_dead_letter(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for numbers in (range(1), range(1, 2), range(2, 3)):
        land(home, numbers)
    with vendor(*[(400, {}, {})] * 3, *[(503, {}, {})] * 9) as to:
        one = forwarder(home, to, "segment", forward_patience_seconds=0.01)
        assert one.forward().refused == 3
        again = one.replay()
        assert (again.sent, again.refused, len(to.requests)) == (0, 3, 4)
        assert "503" in str(again.fault)
        assert len(one.records.dead()) == 3


def test_a_dead_letter_that_a_kill_tore_takes_no_other_with_it(tmp_path: Path) -> None:
    records = Records(tmp_path, "amplitude")
    letters = [DeadLetter("b", (n, f"e{n}", n), "bad", "2025-03-01") for n in range(3)]
    records.bury(letters[:2])
    file = tmp_path / "amplitude.dead.ndjson"
    file.write_bytes(file.read_bytes()[:-5])
    records.bury(letters[2:])
    assert records.dead() == [letters[0], letters[2]]


def test_the_mark_passes_what_is_done_in_order_and_nothing_else() -> None:
    progress = Progress(done=["3"])
    progress.finish("1", "9")
    assert (progress.mark, progress.done, progress.is_done("2")) == ("1", ["3"], False)
    progress.finish("2", "2")
    assert (progress.mark, progress.done) == ("1", ["3", "2"])


def test_the_command_ends_when_one_destination_fails(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(1))
    with vendor() as to:
        forwarder(home, to, "segment").forward()
        (home / "forwarding" / "segment.json").write_text("{")
        process = run(home, to, "--watch", FOOTFALL_SEGMENT_WRITE_KEY="k", FOOTFALL_SEGMENT_URL=to.url("/v1/batch"))
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "JSONDecodeError" in said


def test_a_dead_letter_ends_with_its_event(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(1))
    with vendor((400, {}, {})) as to:
        one = forwarder(home, to)
        assert one.forward().refused == 1
        assert "user" not in (home / "forwarding" / "amplitude.dead.ndjson").read_text()
        (manifest,) = batches_dir(home).glob("2*.json")
        manifest.unlink()
        assert (one.replay().sent, one.records.dead(), len(to.requests)) == (0, [], 1)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("amplitude", (400, {}, {"code": 400, "error": "Invalid API key: k"})),
        ("amplitude", (404, {}, {})),
        ("mixpanel", (401, {}, {"error": "no"})),
        ("segment", (403, {}, {})),
        ("webhook", (301, {"Location": "/elsewhere"}, {})),
    ],
)
def test_a_fault_of_ours_makes_no_dead_letters(name: str, answer: Answer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(5))
    with vendor(answer) as to:
        one = forwarder(home, to, name)
        outcome = one.forward()
        assert (outcome.sent, outcome.refused) == (0, 0)
        assert str(answer[0]) in str(outcome.fault)
        assert one.forward().sent == 5


def test_who_cannot_be_reached_is_sent_everything_later(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(3))
    with vendor() as to:
        pass
    assert "cannot be reached" in str(forwarder(home, to, forward_patience_seconds=0.2).forward().fault)
    with vendor() as to:
        assert forwarder(home, to).forward().sent == 3


def test_a_batch_that_is_committed_late_is_sent_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(3))
    (early,) = batches_dir(home).glob("2*.json")
    hidden = early.rename(tmp_path / early.name)
    land(home, range(3, 6))
    with vendor() as to:
        assert forwarder(home, to).forward().sent == 3
        hidden.rename(early)
        to.answers += [(401, {}, {})]
        assert forwarder(home, to).forward().fault
        assert forwarder(home, to).forward().sent == 3
        assert {each for part in sent(to) for each in part} == {f"e{n}" for n in range(6)}


def test_what_came_by_a_protocol_is_not_sent_back_by_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    export = {"event_type": "x", "insert_id": "a1", "user_id": "u1", "event_time": "2025-03-01 10:00:00"}
    ingest.load([write_ndjson(tmp_path / "export.json", [export])], home, format="amplitude")
    with vendor() as to:
        assert forwarder(home, to).forward().sent == 0
        assert forwarder(home, to, "segment").forward().sent == 1
    with vendor() as to:
        assert forwarder(tmp_path / "home", to, "amplitude", forward_back=True).waiting() == 0, "it was passed over"
        assert forwarder(home, to, "webhook").forward().sent == 1


def test_apps_names_and_ages_are_chosen_and_bots_are_left_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    bot = {"context": {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}}
    rows = [event(n, app="shop", event_name="buy", occurred_at=now) for n in range(2)]
    rows += [event(2, app="blog", event_name="buy", occurred_at=now), event(3, app="shop", event_name="look")]
    rows += [event(4, app="shop", event_name="buy"), event(5, app="shop", event_name="buy", occurred_at=now) | bot]
    ingest.load([write_ndjson(tmp_path / "rows.ndjson", rows)], home)
    with vendor() as to:
        one = forwarder(home, to, forward_apps="shop, other", forward_events="buy", data_retention_days=30)
        assert one.forward().sent == 2
        assert sent(to) == [["e0", "e1"]]


def test_events_of_nobody_are_told_as_such(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(1), user_id=None)
    with vendor() as to:
        assert forwarder(home, to).forward().refused == 1
        assert to.requests == []
        assert forwarder(home, to, "webhook").forward().sent == 1


def test_a_webhook_is_signed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(2))
    with vendor((503, {"Retry-After": "0"}, {})) as to:
        forwarder(home, to, "webhook").forward()
        for _, headers, body in to.requests:
            signed = headers["Footfall-Timestamp"].encode() + b"." + body
            assert headers["Footfall-Signature"] == "v1=" + hmac.new(b"s", signed, hashlib.sha256).hexdigest()
            assert abs(int(headers["Footfall-Timestamp"]) - time.time()) < 600
        assert len({headers["Footfall-Delivery"] for _, headers, _ in to.requests}) == 1


def test_the_sandbox_only_logs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / "home"
    land(home, range(3))
    with vendor() as to, caplog.at_level(logging.WARNING, "footfall.forwarding"):
        forwarder(home, to, sandbox_mode=True).forward()
        assert to.requests == []
        assert "would send 3 events" in caplog.text
        assert '"insert_id":"e0"' in caplog.text
        assert forwarder(home, to).forward().sent == 3, "what was only logged is still to be sent"


def test_skipped_is_what_has_landed_and_no_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(3))
    with vendor() as to:
        assert forwarder(home, to).skip() == 1
        land(home, range(3, 5))
        assert forwarder(home, to).waiting() == 2
        assert forwarder(home, to).forward().sent == 2


def test_two_do_not_send_to_one_destination(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(3))
    with vendor() as to:
        one = forwarder(home, to)
        with one._alone(), pytest.raises(AlreadyForwarding, match="Another"):
            forwarder(home, to).forward()


def run(home: Path, to: Vendor, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "FOOTFALL_HOME": str(home),
        "ANALYTICS__AMPLITUDE_API_KEY": "guide",
        "FOOTFALL_AMPLITUDE_URL": to.url("/2/httpapi"),
        "ANALYTICS__BATCH_SIZE": "10",
        **settings,
    }
    command = [str(Path(sys.executable).parent / "footfall"), "forward", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_kill_loses_nothing_and_repeats_at_most_what_was_under_way(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(200))

    def slowly(_: Any) -> Answer:
        time.sleep(0.05)
        return 200, {}, {}

    with vendor(*[slowly] * 100) as to:
        kills = 0
        for limit in (3, 9, 14):
            process = run(home, to)
            while len(to.requests) < limit and process.poll() is None:
                time.sleep(0.01)
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert kills == 3
        last = run(home, to)
        said, _ = last.communicate(timeout=60)
        assert last.returncode == 0, said
        assert "events sent, 0 refused" in said
        found = [each for part in sent(to) for each in part]
        assert set(found) == {f"e{n}" for n in range(200)}
        assert len(found) <= 200 + kills * 10
        assert {told["api_key"] for told in to.told()} == {"guide"}
        status, _ = run(home, to, "status").communicate(timeout=60)
        assert "200" in status.split("amplitude")[1].split()


def test_the_command_says_what_was_left(tmp_path: Path) -> None:
    home = tmp_path / "home"
    land(home, range(3))
    with vendor((401, {}, {"error": "who are you"})) as to:
        process = run(home, to)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "who are you" in said


STORY = {
    "event_name": "Order Completed",
    "user_id": "u1",
    "anonymous_id": "d1",
    "account_id": "acme",
    "occurred_at": "2025-03-01T10:00:00.123Z",
    "properties": {"order_id": "o1", "amount_cents": 1999, "currency": "EUR", "$set": {"plan": "pro"}},
    "context": {
        "page_url": "https://a.example/x",
        "page_title": "X",
        "referrer": "https://b.example/",
        "utm_source": "news",
        "utm_campaign": "spring",
        "os": "iOS",
        "country": "DE",
        "city": "Bonn",
    },
}
KEPT = (
    "event_id, event_name, user_id, anonymous_id, account_id, epoch_ms(occurred_at), page_url, page_title, referrer, "
    "utm_source, utm_campaign, os, country, city, properties ->> 'amount_cents', properties ->> '$.\"$set\".plan'"
)


@pytest.mark.parametrize("name", ["amplitude", "mixpanel", "segment"])
def test_what_is_sent_means_to_a_receiver_what_it_meant_here(name: str, tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    rows = [event(1) | STORY, event(2, event_name="page_view", user_id=None, anonymous_id="d1")]
    ingest.load([write_ndjson(tmp_path / "rows.ndjson", rows)], home)
    with serving(other) as server:
        to = Vendor(port=server.port)
        outcome = forwarder(home, to, name).forward()
        assert (outcome.sent, outcome.fault) == (2, None)
        server.stop(signal.SIGINT)
    assert landed(other, KEPT) == landed(home, KEPT)
    assert json.loads(landed(other, "properties", "event_id = 'e1'")[0][0]).get("revenue") in (None, 19.99)
