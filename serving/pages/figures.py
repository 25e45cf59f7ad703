"""Figures as they are shown: read in threads, and kept for as long as their publication is shown."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serving.drawing.html import View, view
from serving.figures import Figure, FigureError, Filled, Filters, fill
from serving.pages.links import Links
from serving.snapshots import Snapshot, Snapshots

log = logging.getLogger("footfall.pages")

if TYPE_CHECKING:
    from serving.pages.site import Visit

# so many figures are read at once; each of DuckDB's queries takes what cores there are
THREADS = 4
MOST_KEPT, MOST_VALUES_KEPT = 400, 4_000_000
# a page waits so long for its figures; those that take longer are put in by its script
PATIENCE_SECONDS = 0.8


@dataclass(frozen=True)
class Drawn:
    """A figure with its rows, and what is shown of it."""

    filled: Filled
    view: View

    @property
    def values(self) -> int:
        """How much there is to keep."""
        return 100 + len(self.filled.rows) * max(1, len(self.filled.columns))


class Figures:
    """Draws figures; who asks for the same one gets the same answer."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="figure")
        self._kept: OrderedDict[Hashable, Future[Drawn]] = OrderedDict()
        self._lock, self._values = threading.Lock(), 0

    def draw(self, figure: Figure, filters: Filters, app: str | None, key: Hashable = None) -> Future[Drawn]:
        """Begin to draw a figure of the publication that is shown now, as the reader of one app or of all sees it.

        Args:
            figure: what is drawn.
            filters: by which it is read.
            app: the one app that may be seen, or None.
            key: what tells this figure from another of its name: the state of the files that say it.
        """
        hold = ExitStack()
        snapshot = hold.enter_context(self._snapshots.read()).of(app)
        place = (snapshot.id, app, key, figure.name, filters)
        with self._lock:
            if (found := self._kept.get(place)) is not None:
                self._kept.move_to_end(place)
                hold.close()
                return found
            drawing = self._threads.submit(_drawn, snapshot, figure, filters, hold)
            self._kept[place] = drawing
        drawing.add_done_callback(lambda done: self._keep(place, done))
        return drawing

    def _keep(self, place: Hashable, done: Future[Drawn]) -> None:
        with self._lock:
            if done.exception() is not None:
                self._kept.pop(place, None)
                return
            self._values += done.result().values
            while len(self._kept) > MOST_KEPT or self._values > MOST_VALUES_KEPT:
                oldest = next((key for key, one in self._kept.items() if one.done()), None)
                if oldest is None:
                    return
                dropped = self._kept.pop(oldest)
                self._values -= 0 if dropped.exception() else dropped.result().values


def _drawn(snapshot: Snapshot, figure: Figure, filters: Filters, hold: ExitStack) -> Drawn:
    with hold:
        source = snapshot.source
        filled = fill(figure, source, filters)
        return Drawn(filled, view(filled, source))


def drawing(visit: Visit, figure: Figure) -> Future[Drawn]:
    """Begin to draw a figure for a request."""
    return visit.site.figures.draw(figure, visit.filters, visit.snapshot.app, visit.files.version)


def links_of(visit: Visit, name: str, path: str) -> Links:
    """Where a figure of a request leads; its rows lead back to the page at `path`."""
    return Links(name, path, visit.asked, visit.snapshot.app is not None)


def figures_in(
    visit: Visit, path: str, figures: Sequence[tuple[Figure, int, bool]], *, is_whole: bool = False
) -> Iterator[str]:
    """The figures of a page, each as soon as it and those before it are drawn.

    Args:
        visit: the request.
        path: of the page, to which rows that filter lead back.
        figures: each with its width in twelve columns, and whether it is left out where it is empty.
        is_whole: wait for every one, and open its rows: a page for who has no scripts.
    """
    # all are begun before the first is sent, so that they are of one publication
    begun = [(figure, width, optional, drawing(visit, figure)) for figure, width, optional in figures]
    return _sent(visit, path, begun, waits=is_whole, is_open=is_whole)


def figure_alone(visit: Visit, path: str, figure: Figure) -> str:
    """A figure as it is put into a page that shows it already, or why it cannot be shown."""
    return "".join(_sent(visit, path, [(figure, 6, False, drawing(visit, figure))], waits=True, is_open=False))


def _sent(
    visit: Visit, path: str, begun: list[tuple[Figure, int, bool, Future[Drawn]]], *, waits: bool, is_open: bool
) -> Iterator[str]:
    until = time.monotonic() + PATIENCE_SECONDS
    macros: Any = visit.site.templates.get_template("drawing/figure.html.jinja").module
    for figure, width, optional, future in begun:
        links = links_of(visit, figure.name, path)
        try:
            drawn = future.result(None if waits else max(0.0, until - time.monotonic()))
        except TimeoutError:
            yield macros.waiting(figure, width, links)
        except FigureError as error:
            visit.failed()
            yield macros.failed(figure, width, links, str(error))
        except Exception:
            visit.failed()
            log.exception("figure %s could not be drawn", figure.name)
            yield macros.failed(figure, width, links, "This figure could not be drawn; the server's log says why.")
        else:
            if not (optional and drawn.view.empty):
                yield macros.figure(drawn.view, width, links, is_open)
