"""A server's readers see one publication each, the next without a failed request, and of an app nothing of others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving import publications, reader
from serving.publications import NothingPublishedError
from serving.snapshots import Snapshot, Snapshots
from tests.serving.conftest import SmallHome

READERS, CHANGES = 8, 30


def visits(home: SmallHome, number: int) -> Path:
    """Publish so many visits; the warehouse is written by hand, as a build takes seconds."""
    home.execute(
        "delete from visits where visit_id >= 1000; insert into visits by name "
        "select visits.* replace (1000 + n as visit_id, hash(1000 + n) as content_hash) "
        f"from (from visits limit 1) as visits cross join range({number - 200}) as extra (n)"
    )
    return home.publish()


def count(connection: duckdb.DuckDBPyConnection, relation: str = "visits") -> int:
    found = connection.execute(f"select count(*) from {relation}").fetchone()
    assert found
    return int(found[0])


def in_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingPublishedError, match="footfall build"), Snapshots(tmp_path).read():
        pass


def test_who_reads_goes_on_reading_one_publication_and_who_comes_sees_the_new_one(small_home: SmallHome) -> None:
    first = small_home.publish()
    snapshots = Snapshots(small_home.path)
    with snapshots.read() as early:
        assert (early.id, count(early.cursor())) == (first.name, 200)
        second = visits(small_home, 205)
        with snapshots.read() as late:
            assert (late.id, count(late.cursor())) == (second.name, 205)
            assert late.catalog["publication"] == second.name
        assert in_thread(lambda: count(early.cursor())) == 200
        cursor = early.cursor()
    with pytest.raises(duckdb.ConnectionException):
        cursor.execute("select 1")
    publications.roll_back(small_home.path)
    with snapshots.read() as back:
        assert (back.id, count(back.cursor())) == (first.name, 200)


def test_a_thread_keeps_its_cursor_and_has_its_own(small_home: SmallHome) -> None:
    small_home.publish()
    snapshots = Snapshots(small_home.path)
    with snapshots.read() as one, snapshots.read() as again:
        assert one.cursor() is again.cursor() is one.source.connection
        assert in_thread(one.cursor) is not one.cursor()
        # an as-of join by loops would take a funnel of the demo eight times as long
        for cursor in (one.cursor(), in_thread(one.cursor)):
            assert cursor.execute("select current_setting('asof_loop_join_threshold')").fetchall() == [(0,)]
        with pytest.raises(duckdb.Error):
            one.cursor().execute("select * from read_csv('/etc/passwd')")


def test_what_is_made_of_a_publication_is_kept_while_it_is_asked_for(
    small_home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.snapshots.MOST_KEPT", 2)
    small_home.publish()
    made: list[str] = []

    def work(_: Snapshot, name: str) -> str:
        made.append(name)
        return name.upper()

    with Snapshots(small_home.path).read() as shown:
        assert [shown.once(work, name) for name in "abacab"] == [*"ABACAB"]
        assert made == [*"abcb"]
        assert (shown.knows(work, "a"), shown.knows(work, "c")) == (True, False)


def test_a_publication_that_cannot_be_opened_leaves_the_one_before(small_home: SmallHome) -> None:
    first = small_home.publish()
    snapshots = Snapshots(small_home.path)
    with snapshots.read():
        pass
    (visits(small_home, 203) / "catalog.json").write_text("{")
    with snapshots.read() as shown:
        assert (shown.id, count(shown.cursor())) == (first.name, 200)
    assert snapshots.fault
    publications.roll_back(small_home.path)
    with snapshots.read() as shown:
        assert shown.id == first.name


def test_readers_never_fail_and_never_mix_while_publications_change(small_home: SmallHome) -> None:
    rows = {small_home.publish().name: 200}
    rows |= {visits(small_home, number).name: number for number in (203, 207)}
    snapshots, faults, seen = Snapshots(small_home.path), list[BaseException](), set[str]()
    is_over = threading.Event()

    def read() -> None:
        try:
            while not is_over.is_set():
                with snapshots.read() as shown:
                    seen.add(shown.id)
                    counts = {count(shown.cursor(), name) for name in ("visits", "titled_visits", "stg_visits")}
                    assert counts == {rows[shown.id]}
                    assert shown.catalog["relations"]["visits"]["rows"] == rows[shown.id]
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    kept = publications.list_publications(small_home.path)
    for number in range(CHANGES):
        publications.show(small_home.path, kept[number % len(kept)])
        time.sleep(0.02)
    is_over.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert seen == set(rows)


def test_a_room_shows_one_app_and_names_nothing_else() -> None:
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as marts; use marts")
    connection.execute("create table events as select * from (values ('o''brien', 1), ('other', 2)) as t (app, n)")
    connection.execute(
        "create table metric_dau as select * from (values ('all', 'all'), ('app', 'o''brien'), ('app', 'other'), "
        "('country', 'o''brien')) as t (segment, segment_value)"
    )
    connection.execute("create table fct_retention as select 1 as users; create table event_catalog as select 1 as n")
    relations = {
        name: {
            "schema": "main",
            "columns": [{"name": column} for (column, *_) in connection.execute(f"describe {name}").fetchall()],
        }
        for name in ("events", "metric_dau", "fct_retention", "event_catalog")
    }
    shown = reader.make_room(connection.cursor(), "room_0", relations, "o'brien")
    assert shown == {"events", "metric_dau", "event_catalog"}
    room = reader.cursor(connection, "room_0")
    assert room.execute("from events").fetchall() == [("o'brien", 1)]
    assert room.execute("from metric_dau").fetchall() == [("app", "o'brien")]
    with pytest.raises(duckdb.CatalogException):
        room.execute("from fct_retention")
