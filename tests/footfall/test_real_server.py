"""Against `footfall serve` itself: what is told lands once, with a key and without, whatever becomes of the server."""

import signal
from pathlib import Path

import duckdb

from footfall import Analytics, EventType
from ingest.collector.keys import Keys
from ingest.collector.landing import land_leftovers
from tests.ingest.collector.conftest import serving

FAST = {"FOOTFALL_BATCH_SIZE": "50", "FOOTFALL_FLUSH_INTERVAL_SECONDS": "0.3"}


def rows(home: Path, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        files = f"read_parquet('{home}/landing/events/*/*.parquet', union_by_name = true)"
        return connection.execute(f"select {columns} from {files} order by all").fetchall()


def test_what_a_client_tells_a_server_and_a_home_lands_as_the_same_events(tmp_path: Path) -> None:
    served, written = tmp_path / "served", tmp_path / "written"
    _, key = Keys(served).create("write", "shop")
    with serving(served, **FAST) as server:
        for client in (Analytics(server.url, key), Analytics(home=written, app="shop")):
            with client:
                session = client.start_session("ann", session_id="s")
                with client.context(session_id=session, country="FR"):
                    client.track_event("ann", EventType.PAGE_VIEW, page_url="https://shop.example/")
                    client.track_revenue("ann", "12.50", "EUR", {"order_id": "o-1"})
                    client.track_revenue("ann", 500, "JPY")
                client.identify("ann", {"plan": "pro"}, anonymous_id="device")
                client.record_nps_response("ann", 9, "good", wave="spring")
                client.end_session(session)
                assert client.flush(30) and client.stats.sent == 7
                assert client.opt_out("bob")
        for client in (Analytics(server.url, key), Analytics(home=written, app="shop")):
            with client:  # another process, which nobody told
                assert client.track("seen", user_id="bob") and client.flush(30)
        server.stop(signal.SIGINT)
    land_leftovers(written)
    columns = """event_name, app, user_id, anonymous_id, session_id, country, page_url, library,
        json_merge_patch(properties, '{"duration_seconds": null}')"""
    there = rows(served, columns)
    assert there == rows(written, columns) and len(there) == 7
    money = rows(written, "json_extract_string(properties, ['amount_cents', 'currency'])")
    assert [told for (told,) in money if told[0]] == [["1250", "EUR"], ["500", "JPY"]]


def test_a_server_that_is_killed_again_and_again_gets_every_event_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    told = 0
    client = None
    for round_ in range(3):
        with serving(home, **FAST) as server:
            if client is None:
                client = Analytics(server.url, flush_interval=0.005, max_waiting=100_000)
            else:
                client._sender._transport._port = server.port  # type: ignore[attr-defined]
            for _ in range(400):
                client.track_event("u", event_name=f"event {told}")
                told += 1
            if round_ < 2:
                server.stop(signal.SIGKILL)
                for _ in range(100):
                    client.track_event("u", event_name=f"event {told}")
                    told += 1
            else:
                assert client.flush(60)
                server.stop(signal.SIGINT)
    assert client is not None and client.close()
    assert client.stats.sent == told and client.stats.dropped == client.stats.lost == client.stats.rejected == 0
    names = [name for (name,) in rows(home, "event_name")]
    assert sorted(names) == sorted(f"event {number}" for number in range(told))


def test_a_wrong_key_is_told_and_nothing_hangs(tmp_path: Path, caplog: object) -> None:
    home = tmp_path / "home"
    Keys(home).create("write", "shop")
    with serving(home, **FAST) as server, Analytics(server.url, "wrong") as client:
        client.track("refused")
        assert client.flush(30) and client.stats.rejected == 1
        assert "Invalid API key" in caplog.text  # type: ignore[attr-defined]
