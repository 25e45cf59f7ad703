"""Snapshots: how a server reads. Each answer comes of one publication, and a new one is shown without a failed request.

A publication is opened once, in memory and locked down, for all threads; each takes a cursor of its own. The next one
is opened beside it by whoever first sees it, and the old one is closed when its last reader has left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from serving import reader
from serving.figures.filters import Source, open_source
from serving.kept import Kept
from serving.publications import current_id, current_publication, nothing_published

log = logging.getLogger("footfall.snapshots")
# a publication that cannot be opened is tried again after so long; until then readers see the one before
RETRY_SECONDS = 5.0
# a publication may be dropped between being looked up and being opened, where two follow each other
TRIES = 3
# of what is worked out of one publication
MOST_KEPT = 500
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One publication, whole or as the reader of one app sees it.

    Attributes:
        id: the publication's id, which an answer's ETag is made of.
        app: the one app that is seen, or None where all are.
        catalog: its catalog; to the reader of one app, of what can be split by app, and without the counts of all.
    """

    id: str
    app: str | None
    catalog: Mapping[str, Any]
    _opened: _Opened
    _source: Source
    _room: str | None = None

    @property
    def source(self) -> Source:
        """What figures are filled from, for this thread."""
        return replace(self._source, connection=self.cursor())

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's way to read; to the reader of one app, names mean what there is of it."""
        return self._opened.cursor(self._room)

    def dicts(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a select by the names of their columns; for a handful."""
        found = self.cursor().execute(sql, dict(parameters or {}))
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def once(self, work: Callable[..., T], *of: Hashable) -> T:
        """What a work makes of this publication as it is seen here, and of `of`; kept while that is asked for."""
        found: T = self._opened.kept.get((work, of, self.app), lambda: work(self, *of))
        return found

    @property
    def whole(self) -> Snapshot:
        """This publication as who may see every app sees it."""
        return self._opened.whole

    def knows(self, work: Callable[..., Any], *of: Hashable) -> bool:
        """Whether a work is kept that has been done `once`."""
        return (work, of, self.app) in self._opened.kept

    def has(self, relation: str) -> bool:
        """Whether a relation is published, and has rows of the app that is seen."""
        return relation in self.catalog["relations"]

    def of(self, app: str | None) -> Snapshot:
        """This publication as the reader of one app sees it: nothing of any other app has a name there."""
        return self if app == self.app or app is None else self._opened.of(app)


class _Opened:
    """An open publication, with the cursors of its threads and the rooms of its apps."""

    def __init__(self, home: Path, publication: Path) -> None:
        source = open_source(home, publication)
        self.whole = Snapshot(publication.name, None, source.catalog, self, source)
        self.readers, self.is_retired = 0, False
        self._connection, self._lock = source.connection, threading.Lock()
        self._mine, self._cursors = threading.local(), list[duckdb.DuckDBPyConnection]()
        self._rooms: dict[str, Snapshot] = {}
        self.kept: Kept[Any] = Kept(MOST_KEPT)

    def cursor(self, room: str | None) -> duckdb.DuckDBPyConnection:
        mine: dict[str | None, duckdb.DuckDBPyConnection] = self._mine.__dict__.setdefault("cursors", {})
        if room not in mine:
            mine[room] = reader.cursor(self._connection, room)
            with self._lock:
                self._cursors.append(mine[room])
        return mine[room]

    def of(self, app: str) -> Snapshot:
        with self._lock:
            if app not in self._rooms:
                self._rooms[app] = self._make_room(app, f"room_{len(self._rooms)}")
            return self._rooms[app]

    def _make_room(self, app: str, room: str) -> Snapshot:
        whole = self.whole
        with self._connection.cursor() as fresh:
            shown = reader.make_room(fresh, room, whole.catalog["relations"], app)
        relations = {
            name: {key: value for key, value in told.items() if key not in ("rows", "files", "state")}
            for name, told in whole.catalog["relations"].items()
            if name in shown
        }
        data = whole._source.apps.get(app)
        catalog = {**whole.catalog, "relations": relations}
        apps = {app: data} if data else {}
        source = replace(whole._source, catalog=catalog, apps=apps, everything=data, only_app=app, ranges={})
        return Snapshot(whole.id, app, catalog, self, source, room)

    def close(self) -> None:
        for cursor in [*self._cursors, self._connection]:
            cursor.close()


class Snapshots:
    """The publication of a home that is shown now, for any number of threads."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._shown: _Opened | None = None
        self._tried_at = 0.0
        # why the publication that is shown by now cannot be opened; None where it is
        self.fault: str | None = None

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """Read the publication that is shown now, from first to last query of the block.

        Raises:
            NothingPublishedError: when nothing is published in this home.
            HomeMovedError: when the home lay elsewhere when it was published.
        """
        opened = self._enter()
        try:
            yield opened.whole
        finally:
            self._leave(opened)

    def close(self) -> None:
        """Close what is open, once its readers have left."""
        self._show(None)

    def _enter(self) -> _Opened:
        wanted = current_id(self._home)
        while True:
            with self._lock:
                shown = self._shown
                if shown is not None and (wanted in (None, shown.whole.id) or self._is_put_off()):
                    shown.readers += 1
                    return shown
            if wanted is None:
                raise nothing_published(self._home)
            self._open(is_first=shown is None)
            # whatever is shown by now is read, lest a reader run after publication upon publication
            wanted = None

    def _is_put_off(self) -> bool:
        return self.fault is not None and time.monotonic() < self._tried_at + RETRY_SECONDS

    def _open(self, *, is_first: bool) -> None:
        """Open the publication that is shown now; who comes meanwhile reads the one before, or waits for the first."""
        if not self._opening.acquire(blocking=is_first):
            return
        try:
            self._open_once_found()
        except Exception as error:
            if self._shown is None:
                raise
            self.fault, self._tried_at = f"{type(error).__name__}: {error}", time.monotonic()
            log.error("a publication cannot be opened, so that the one before is shown: %s", self.fault)
        finally:
            self._opening.release()

    def _open_once_found(self) -> None:
        for attempt in range(1, TRIES + 1):
            publication = current_publication(self._home)
            if publication is None or (self._shown and self._shown.whole.id == publication.name):
                return
            try:
                self._show(_Opened(self._home, publication))
                return
            except (OSError, duckdb.Error):
                if attempt == TRIES:
                    raise

    def _show(self, opened: _Opened | None) -> None:
        with self._lock:
            before, self._shown, self.fault = self._shown, opened, None
            if before is not None:
                before.is_retired = True
            is_left = before is not None and before.readers == 0
        if before is not None and is_left:
            before.close()

    def _leave(self, opened: _Opened) -> None:
        with self._lock:
            opened.readers -= 1
            is_left = opened.is_retired and opened.readers == 0
        if is_left:
            opened.close()
