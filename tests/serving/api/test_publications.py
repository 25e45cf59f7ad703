"""Sixteen clients while ten publications come: no request fails, and no answer is of two."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from serving.publications import current_publication, show
from serving.server import Shared
from tests.serving.api.homes import two_apps
from tests.serving.api.listening import listening

CLIENTS, PUBLICATIONS, SHOWN_SECONDS = 16, 10, 0.5
QUESTION = {"kind": "trends", "series": {"A": {"measure": "count"}}, "interval": "total"}


def another(home: Path, name: str, events: int) -> Path:
    """A copy of the publication that is shown, of so many events an app, which nobody is shown yet."""
    shown = current_publication(home)
    assert shown
    publication = shown.with_name(name)
    shutil.copytree(shown, publication)
    with duckdb.connect(str(publication / "marts.duckdb")) as marts:
        marts.execute("delete from events where split_part(event_id, '-', 2)::integer >= ?", [events])
        marts.execute("update fct_tracked_events set events = ?", [events])
    return publication


def test_no_request_fails_and_no_answer_is_of_two_publications(tmp_path: Path) -> None:
    home, names = tmp_path / "home", [f"202601{number:02d}T000000_000000_abcdef" for number in range(1, 12)]
    events = {name: 44 - 4 * number for number, name in enumerate(names)}
    two_apps(home, names[0], events[names[0]])
    publications = {name: another(home, name, events[name]) for name in names[1:]}
    is_over, faults, seen, numbers = threading.Event(), list[str](), set[str](), count()

    def ask(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not is_over.is_set():
                # every other request has been asked before, and may come from what is kept
                offset = {"offset": next(numbers)} if next(numbers) % 2 else {}
                answers = [
                    client.get("/v1/analytics/stats"),
                    client.post("/api/v1/analytics/questions", json=QUESTION),
                    client.get("/api/v1/analytics/names", params=offset),
                ]
                for answer in answers:
                    if answer.status_code != 200:
                        faults.append(answer.text)
                        return
                    told = answer.json()
                    name = told["publication"]
                    seen.add(name)
                    counted = told.get("events") or (sum(row[2] for row in told["rows"]) if "rows" in told else None)
                    if counted not in (None, 2 * events[name]) or not answer.headers["etag"].startswith(f'"{name}-'):
                        faults.append(f"{name}: {counted} events, {answer.headers['etag']}")

    with listening(Shared.of(home)) as url:
        threads = [threading.Thread(target=ask, args=(url,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for publication in publications.values():
            time.sleep(SHOWN_SECONDS)
            show(home, publication)
        time.sleep(SHOWN_SECONDS)
        is_over.set()
        for thread in threads:
            thread.join()
        # who comes last sees the last one
        assert httpx.get(f"{url}/v1/analytics/stats").json()["publication"] == names[-1]
    assert not faults, faults[:3]
    assert len(names) == PUBLICATIONS + 1
    assert len(seen) > PUBLICATIONS // 2


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.figures import filters

    monkeypatch.setenv("FOOTFALL_ANSWER_SECONDS", "0.5")
    monkeypatch.setenv("FOOTFALL_ANSWER_ROWS", "5")
    monkeypatch.setenv("FOOTFALL_ANSWER_THREADS", "1")
    real = filters.ask

    def slow(connection: duckdb.DuckDBPyConnection, question: Any, *rest: Any, **more: Any) -> Any:
        if question["kind"] == "lifecycle":
            connection.execute("select count(*) from range(100000000000) as a (i) where hash(i) = 1").fetchall()
        return real(connection, question, *rest, **more)

    monkeypatch.setattr(filters, "ask", slow)
    with listening(Shared.of(two_apps(tmp_path / "home"))) as url:
        asked = f"{url}/api/v1/analytics/questions"
        answer = httpx.post(asked, json={"kind": "lifecycle"}, timeout=60)
        assert (answer.status_code, answer.json()["errors"][0]["mend"].startswith("Narrow")) == (504, True)
        with pytest.raises(httpx.ReadTimeout):
            # who hangs up leaves the one thread to the next
            httpx.post(asked, json={"kind": "lifecycle", "period": "week"}, timeout=0.2)
        assert httpx.get(f"{url}/v1/analytics/kpis", timeout=60).status_code == 200
        refused = httpx.post(asked, json={"kind": "active_users"}, timeout=60)
        assert (refused.status_code, "more than 5 rows" in refused.text) == (422, True)


def test_what_several_ask_at_once_is_worked_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.figures import filters

    real, calls, may_end = filters.ask, list[Any](), threading.Event()

    def slow(connection: duckdb.DuckDBPyConnection, question: Any, *rest: Any, **more: Any) -> Any:
        calls.append(question)
        may_end.wait(60)
        return real(connection, question, *rest, **more)

    monkeypatch.setattr(filters, "ask", slow)
    with listening(Shared.of(two_apps(tmp_path / "home"))) as url, ThreadPoolExecutor(CLIENTS + 1) as clients:

        def ask(question: Any, seconds: float = 60) -> httpx.Response:
            return httpx.post(f"{url}/api/v1/analytics/questions", json=question, timeout=seconds)

        same = [clients.submit(ask, QUESTION) for _ in range(CLIENTS)]
        other = clients.submit(ask, {"kind": "active_users"})
        with pytest.raises(httpx.ReadTimeout):
            # who leaves takes nothing from the others
            ask(QUESTION, 1)
        may_end.set()
        answers = [each.result() for each in same]
        assert other.result().status_code == 200
    assert len(calls) == 2
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_what_can_be_named_is_looked_for_before_anybody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.api import questions

    real, calls, looked = questions.known_names, list[str](), threading.Event()

    def counted(connection: duckdb.DuckDBPyConnection) -> Any:
        calls.append("x")
        found = real(connection)
        looked.set()
        return found

    monkeypatch.setattr(questions, "known_names", counted)
    shared = Shared.of(two_apps(tmp_path / "home"))
    with listening(shared) as url:
        assert looked.wait(60)
        with shared.snapshots.read() as shown:
            while not shown.knows(questions.names_of):
                time.sleep(0.01)
        told = [httpx.get(f"{url}/api/v1/analytics/names?limit={limit}").json()["items"] for limit in (3, 100)]
        of_shop = httpx.get(f"{url}/api/v1/analytics/names?app=shop").json()["items"]
    assert (len(calls), len(told[0]), len(told[1])) == (1, 3, 8)
    assert of_shop == [item for item in told[1] if item["app"] == "shop"]
