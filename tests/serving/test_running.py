"""A work that is waited for: by several at once, until the last one leaves or it takes too long."""

from __future__ import annotations

import asyncio
from typing import Any

import duckdb
import pytest
from starlette.requests import Request

from serving.running import Awaited, LeftError, Running

ENDLESS = "select count(*) from range(1000000000) a, range(1000000000) b"


def asker(leaves_after: float) -> Request:
    """Who asks, and goes away after so many seconds."""

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(leaves_after)
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


def outcomes(sql: str, leave_after: list[float], seconds: float = 60) -> tuple[list[Any], Running]:
    """What those who wait for one query get, and the query."""
    kept: list[Running] = []

    def read(running: Running) -> Any:
        kept.append(running)
        with duckdb.connect() as connection, running.of(connection):
            return connection.execute(sql).fetchall()

    async def wait() -> list[Any]:
        awaited = Awaited(lambda running: asyncio.to_thread(read, running), seconds)
        waiting = (awaited.result(asker(after)) for after in leave_after)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert not awaited.is_under_way
        return found

    found = asyncio.run(wait())
    assert len(kept) == 1
    return found, kept[0]


def test_all_who_wait_get_the_same() -> None:
    found, running = outcomes("select 1", [60, 60, 60])
    assert (found, running.is_late) == ([[(1,)]] * 3, False)


def test_it_ends_when_the_last_one_leaves() -> None:
    found, running = outcomes(ENDLESS, [0.1, 0.6, 0.3])
    assert [type(each) for each in found] == [LeftError, duckdb.InterruptException, LeftError]
    assert (running.is_stopped, running.is_late) == (True, False)


def test_it_ends_for_all_when_it_takes_too_long() -> None:
    found, running = outcomes(ENDLESS, [60, 60], seconds=0.3)
    assert [type(each) for each in found] == [duckdb.InterruptException] * 2
    assert running.is_late


def test_what_is_stopped_before_it_began_reads_nothing() -> None:
    running = Running()
    running.stop()
    with duckdb.connect() as connection, pytest.raises(duckdb.InterruptException), running.of(connection):
        raise AssertionError("it began")


def test_a_stopped_one_leaves_the_cursor_to_the_next() -> None:
    running = Running()
    with duckdb.connect() as connection:
        with running.of(connection):
            pass
        running.stop()
        assert connection.execute("select 1").fetchall() == [(1,)]
