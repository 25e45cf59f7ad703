"""What all pages share: the shell, the filters in it, what a page may load, and who may read."""

from __future__ import annotations

import hashlib
import secrets
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import duckdb
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from serving import reader
from serving.access import Access, AccessError, Reader
from serving.dashboards import Library, folders, read_library
from serving.drawing import theme
from serving.drawing.html import environment
from serving.drawing.numbers import day_text, title_of
from serving.figures import FigureError, Filters, Source
from serving.figures.figure import BUNDLED, SEGMENTS, NoSuchError
from serving.pages.asked import RANGES, Asked
from serving.pages.assets import Assets
from serving.pages.figures import Figures
from serving.publications import HomeMovedError, NothingPublishedError
from serving.snapshots import Snapshot, Snapshots

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # to ourselves the origin is told, without which a form of ours could not be told from one of another site
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie, Accept-Encoding",
}
# a list of segments' values from which one is chosen is no longer than somebody looks through
MOST_VALUES = 40
MOST_FAILED = 10_000
HERE = "<!-- what is streamed stands here -->"


@dataclass(frozen=True)
class Entry:
    """A page of the list beside the dashboards."""

    title: str
    path: str
    place: int = 100


@dataclass(frozen=True)
class Files:
    """The files that say dashboards and figures: their state, what they say, and what is wrong with one of them."""

    version: str
    library: Library
    fault: str | None = None


@dataclass
class Visit:
    """One request of a page: what it asks for, and the publication that it is answered from."""

    site: Site
    request: Request
    reader: Reader
    snapshot: Snapshot
    asked: Asked
    files: Files

    @property
    def library(self) -> Library:
        """All dashboards and figures."""
        return self.files.library

    @property
    def fault(self) -> str | None:
        """What is wrong with a file of them, which names folders of this machine."""
        return self.files.fault if self.reader.is_admin else None

    @cached_property
    def source(self) -> Source:
        """What is read, for the thread of this request."""
        return self.snapshot.source

    @cached_property
    def filters(self) -> Filters:
        """The filters of this request; raise FigureError where they are none."""
        return self.asked.filters(self.source)

    @cached_property
    def made_of(self) -> str:
        """A digest of what the answer is made of: the publication, the files of the pages and what is asked."""
        said = (str(self.request.url), chosen_theme(self.request), self.fault, self.site.assets["pages.js"])
        made_of = (self.snapshot.id, self.snapshot.app, self.files.version, *said)
        return hashlib.sha256(repr(made_of).encode()).hexdigest()[:24]

    def failed(self) -> None:
        """Something of the answer could not be shown, which may be over when it is asked for again."""
        self.site.failed(self.made_of)


@dataclass
class Site:
    """The pages of one home."""

    home: Path
    project: Path
    snapshots: Snapshots
    assets: Assets = field(default_factory=Assets)
    entries: list[Entry] = field(default_factory=list)
    # where paths begin whose answers change without a publication
    moving: list[str] = field(default_factory=list)
    # whether the socket of what comes in is served beside the pages
    is_live: bool = False

    def __post_init__(self) -> None:
        self.access = Access(self.home)
        self.figures = Figures(self.snapshots)
        self.templates = environment()
        self._lock = threading.Lock()
        self._files: Files | None = None
        # a browser keeps failures too: an answer that has failed is another from then on
        self._run, self._failures = secrets.token_hex(4), Counter[str]()

    def page(self, path: str, answer: Callable[[Visit], Response], methods: tuple[str, ...] = ("GET",)) -> BaseRoute:
        """The route of a page: `answer` is called in a thread, with the publication held open until it has answered.

        What a reader asked for wrongly (FigureError) is told on the page; what is unchanged is not sent again.
        """

        def endpoint(request: Request) -> Response:
            return self._answered(request, answer)

        return Route(path, endpoint, methods=list(methods))

    def _answered(self, request: Request, answer: Callable[[Visit], Response]) -> Response:
        with ExitStack() as hold:
            try:
                who = self.access.reader(request)
                asked = Asked.of(request.query_params)
                asked = asked.but(app=who.app_of(asked.app))
                snapshot = hold.enter_context(self.snapshots.read()).of(who.app)
            except AccessError as error:
                return self.refused(request, error)
            except FigureError as error:
                return self.plain(request, "This cannot be shown", str(error), 400)
            except (NothingPublishedError, HomeMovedError) as error:
                if self.is_live and request.url.path == "/live":
                    alone = "pages/live_alone.html.jinja"
                    return self.plain(request, "Live", str(error), 200, template=alone, app=who.app)
                return self.plain(request, "Nothing to show yet", str(error), 503)
            visit = Visit(self, request, who, snapshot, asked, self.files())
            is_kept = request.method != "POST" and not request.url.path.startswith(tuple(self.moving))
            etag = self.etag(visit.made_of)
            if is_kept and request.headers.get("if-none-match") == etag:
                return Response(status_code=304, headers={**HEADERS, "ETag": etag})
            try:
                found = answer(visit)
            except FigureError as error:
                status = 404 if isinstance(error, NoSuchError) else 400
                return self.plain(request, "This cannot be shown", str(error), status)
            if is_kept and found.status_code == 200:
                found.headers["ETag"] = etag
            return found

    def etag(self, made_of: str) -> str:
        """The ETag of an answer by what it is made of."""
        with self._lock:
            return f'"{self._run}-{made_of}-{self._failures[made_of]}"'

    def failed(self, made_of: str) -> None:
        """The answer that is made of this shows a failure: nobody is told that it is unchanged."""
        with self._lock:
            self._failures[made_of] += 1
            if len(self._failures) > MOST_FAILED:
                self._run, self._failures = secrets.token_hex(4), Counter()

    def files(self) -> Files:
        """All dashboards and figures; where a file of them is wrong the last ones that were right, and the fault."""
        version = self._version()
        with self._lock:
            kept = self._files
            if kept is None or kept.version != version:
                try:
                    kept = Files(version, read_library(self.project, self.home))
                except FigureError as error:
                    right = kept.library if kept else read_library(self.project)
                    kept = Files(version, right, str(error))
                self._files = kept
            return kept

    def _version(self) -> str:
        """The state of the files that say dashboards and figures: a changed one is read again."""
        found = [
            (path.name, path.stat().st_mtime_ns)
            for folder in (BUNDLED, *folders(self.project, self.home))
            for pattern in ("*.yml", "figures/*.yml")
            for path in sorted(folder.glob(pattern))
        ]
        return hashlib.sha256(repr(found).encode()).hexdigest()[:16]

    def html(self, visit: Visit, template: str, **shown: Any) -> Response:
        """A whole page of the shell, of a template that extends `pages/base.html.jinja`."""
        text = self.templates.get_template(template).render(**self._shell(visit), **shown)
        return Response(text, headers=HEADERS, media_type="text/html; charset=utf-8")

    def streamed(self, visit: Visit, template: str, parts: Iterator[str], **shown: Any) -> Response:
        """A page that is sent as it comes: what stands around `HERE` at once, then each of the parts."""
        before, _, after = self.templates.get_template(template).render(**self._shell(visit), **shown).partition(HERE)

        def pieces() -> Iterator[str]:
            yield before
            yield from parts
            yield after

        if "gzip" not in visit.request.headers.get("accept-encoding", ""):
            return StreamingResponse(pieces(), headers=HEADERS, media_type="text/html; charset=utf-8")
        headers = {**HEADERS, "Content-Encoding": "gzip"}
        return StreamingResponse(_packed(pieces()), headers=headers, media_type="text/html; charset=utf-8")

    def warm(self) -> None:
        """Do once what the first reader would wait for: templates, scripts, the publication and its segments."""
        with suppress(NothingPublishedError, HomeMovedError, FigureError, duckdb.Error, OSError):
            self.files()
            for name in ("pages/dashboard.html.jinja", "drawing/figure.html.jinja"):
                self.templates.get_template(name)
            with self.snapshots.read() as snapshot:
                snapshot.once(_segments)
            self.assets.make()

    def plain(
        self,
        request: Request,
        title: str,
        text: str,
        status: int,
        template: str = "pages/plain.html.jinja",
        **shown: Any,
    ) -> Response:
        """A page without filters, which says one thing: what is missing or wrong, and the mend."""
        page = self.templates.get_template(template).render(
            **self._frame(self.files().library, None, request), title=title, text=text, at=lambda path: path, **shown
        )
        return Response(page, status, headers=HEADERS, media_type="text/html; charset=utf-8")

    def refused(self, request: Request, error: AccessError) -> Response:
        """Ask for a key where one would help, else say why there is nothing to see."""
        if error.status != 401 or not self.access.has_keys:
            return self.plain(request, "Not for this reader", str(error), error.status)
        back = request.url.replace(scheme="", netloc="")
        return self.plain(request, "A key, please", "", 401, template="pages/key.html.jinja", back=str(back))

    def _frame(self, library: Library, fault: str | None, request: Request) -> dict[str, Any]:
        path = request.url.path
        boards = [Entry(one.title, f"/dashboards/{one.name}", one.place) for one in library.chosen([])]
        return {
            "assets": self.assets,
            "themes": theme.drawn_with(),
            "theme": chosen_theme(request),
            "entries": sorted([*boards, *self.entries], key=lambda one: one.place),
            "path": boards[0].path if path == "/" and boards else path,
            "fault": fault,
            "here": HERE,
        }

    def _shell(self, visit: Visit) -> dict[str, Any]:
        source, asked, filters = visit.source, visit.asked, visit.filters
        return {
            **self._frame(visit.library, visit.fault, visit.request),
            "has_keys": self.access.has_keys,
            # who leaves a creator's page leaves the creator
            "at": asked.but(creator=None).at,
            "asked": asked,
            "filters": filters,
            "ranges": RANGES,
            "apps": sorted(source.apps),
            "segments": visit.snapshot.once(_segments),
            "title_of": title_of,
            "as_of": as_of(source, filters.app),
            "zone": source.timezone.key,
            "published": published_at(source),
            "publication": visit.snapshot.id,
        }


def csv_of(name: str, rows: str) -> Response:
    """Rows as a file to take along."""
    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(rows, headers={**HEADERS, **named}, media_type="text/csv; charset=utf-8")


def posted(body: bytes) -> dict[str, str]:
    """What a form has posted: of a field that comes twice the last."""
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _packed(pieces: Iterator[str]) -> Iterator[bytes]:
    """The pieces as gzip, each of which can be read as soon as it has come."""
    packing = zlib.compressobj(level=5, wbits=31)
    for piece in pieces:
        yield packing.compress(piece.encode()) + packing.flush(zlib.Z_SYNC_FLUSH)
    yield packing.flush()


def chosen_theme(request: Request) -> str | None:
    """The theme that a reader has chosen by the page's button; None leaves it to the system."""
    chosen = request.cookies.get("footfall-theme")
    return chosen if chosen in theme.COLOURS else None


def as_of(source: Source, app: str | None) -> str:
    """Until when the data of an app, or of all, reach."""
    data = source.data_of(app)
    if data is None:
        return "No events yet"
    clock = data.clock.astimezone(source.timezone)
    return f"As of {day_text(clock)} {clock:%H:%M} {source.timezone.key}"


def published_at(source: Source) -> datetime | None:
    """When what is shown was published."""
    said = source.catalog.get("published_at")
    return datetime.fromisoformat(said).astimezone(UTC) if said else None


def _segments(snapshot: Snapshot) -> dict[str, list[str]]:
    """The values of each segment that somebody may filter by, the most frequent first."""
    rows = reader.read(
        snapshot.cursor(),
        """
        with days as (
            select segment, segment_value, sum(dau) as active_days
            from fct_active_persons
            where segment in (select unnest($names)) and segment_value is not null
            group by all
        )
        select segment, segment_value
        from days
        qualify row_number() over (partition by segment order by active_days desc, segment_value) <= $most
        order by segment, active_days desc, segment_value
        """,
        {"names": list(SEGMENTS), "most": MOST_VALUES},
    ).fetchall()
    found: dict[str, list[str]] = {}
    for name, value in rows:
        found.setdefault(name, []).append(value)
    return found
