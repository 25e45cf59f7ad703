"""How an answer is made: in a thread of its own, of one publication, within limits, in the form that is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import orjson
from starlette.requests import Request
from starlette.responses import Response

from serving.api.problems import Problem
from serving.publications import HomeMovedError, NothingPublishedError
from serving.rows import as_csv
from serving.running import Awaited, LeftError, Running, too_long
from serving.settings import ApiSettings
from serving.snapshots import Snapshot, Snapshots

JSON, CSV = "application/json", "text/csv"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
TABLES = (JSON, CSV, PARQUET, ARROW)
PUBLICATION, AS_OF = "footfall-publication", "footfall-as-of"


@dataclass(frozen=True)
class Table:
    """Rows to answer with.

    Attributes:
        columns, rows: what was read.
        arrow: the same with its types, for who asks for Parquet or Arrow.
        about: what a JSON answer says beside the rows.
        shape: of a JSON answer: `items` lists objects under that name, `rows` lists of values, `bare` objects alone.
        next_offset: how many rows come before the next page; None where this one is the last.
    """

    columns: list[str]
    rows: list[Any]
    arrow: Callable[[], Any] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    shape: str = "items"
    next_offset: int | None = None


Work = Callable[[Snapshot], "Table | dict[str, Any] | list[Any]"]


class Answers:
    """Works answers out, as many at a time as the settings allow."""

    def __init__(self, snapshots: Snapshots, settings: ApiSettings) -> None:
        self.settings, self._snapshots = settings, snapshots
        self._threads = ThreadPoolExecutor(settings.answer_threads, thread_name_prefix="answers")
        self._under_way: dict[Hashable, Awaited[Response]] = {}

    async def answer(self, request: Request, app: str | None, is_room: bool, work: Work) -> Response:
        """The answer of a work on the publication that is shown now, whole or as the reader of one app sees it.

        What several ask at the same time is worked out once.

        Raises:
            Problem: 404 for an app without events, 406, 503 when nothing is published, 504 when it takes too long.
        """
        media = media_of(request.headers.get("accept"))

        def read(running: Running) -> Response:
            with self._snapshots.read() as whole:
                if is_room is False and app is not None and app not in whole.source.apps:
                    known = ", ".join(sorted(whole.source.apps)) or "none"
                    raise Problem(404, f"No event is of app {app!r}.", f"Apps with events: {known}.", "app")
                seen = whole.of(app)
                with running.of(seen.cursor()):
                    return rendered(work(seen), seen, app, media, request)

        try:
            return await self._joined(request, read)
        except LeftError:
            return Response(status_code=499)
        except NothingPublishedError:
            raise Problem(503, "Nothing is published yet.", "Run `footfall build`, and ask again.") from None
        except HomeMovedError as error:
            raise Problem(503, str(error)) from None
        except duckdb.InterruptException:
            raise Problem(504, *too_long(self.settings.answer_seconds)) from None

    async def _joined(self, request: Request, read: Callable[[Running], Response]) -> Response:
        """What comes of the work that answers this very request, begun by this one or by another."""
        same = request.scope["state"]["same"]
        awaited = self._under_way.get(same)
        if awaited is None or not awaited.is_under_way:
            loop, seconds = asyncio.get_running_loop(), self.settings.answer_seconds
            awaited = Awaited(lambda running: loop.run_in_executor(self._threads, read, running), seconds)
            self._under_way[same] = awaited
        try:
            return await awaited.result(request)
        finally:
            if not awaited.is_under_way and self._under_way.get(same) is awaited:
                del self._under_way[same]

    def close(self) -> None:
        """Wait for no work any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def read_rows(
    snapshot: Snapshot, sql: str, parameters: Mapping[str, Any], limit: int, offset: int = 0, **more: Any
) -> Table:
    """A page of the rows of a select, which is ordered; `sql` is ours, the values of a request are bound."""
    cursor = snapshot.cursor()
    paged = f"{sql} limit {int(limit) + 1} offset {int(offset)}"

    def arrow() -> Any:
        return cursor.execute(paged, dict(parameters)).to_arrow_table().slice(0, limit)

    found = cursor.execute(paged, dict(parameters))
    columns = [column[0] for column in found.description]
    rows = found.fetchall()
    return Table(columns, rows[:limit], arrow, next_offset=offset + limit if len(rows) > limit else None, **more)


def page_of(columns: list[str], rows: list[Any], limit: int, offset: int, **more: Any) -> Table:
    """A page of rows that are all at hand."""
    after = offset + limit
    return Table(columns, rows[offset:after], next_offset=after if len(rows) > after else None, **more)


def media_of(accept: str | None) -> str:
    """The form that a request wants most of those that there are.

    Raises:
        Problem: 406 when it wants none of them.
    """
    if not accept:
        return JSON
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        name, *options = (text.strip() for text in part.lower().split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        try:
            wanted.append((-float(quality), place, name))
        except ValueError:
            continue
    for unwanted, _, name in sorted(wanted):
        kind = name.removesuffix("*") if name.endswith("/*") else None
        found = next((media for media in TABLES if media == name or (kind and media.startswith(kind))), None)
        if unwanted < 0 and (found or name in ("*/*", "*", "text/html")):
            return found or JSON
    raise Problem(406, f"There is no answer in {accept[:200]!r}.", f"Accept one of {', '.join(TABLES)}.", "accept")


def rendered(content: Any, snapshot: Snapshot, app: str | None, media: str, request: Request) -> Response:
    """The HTTP answer of what was read."""
    as_of = as_of_of(snapshot, app)
    headers = {PUBLICATION: snapshot.id, **({AS_OF: as_of} if as_of else {})}
    if not isinstance(content, Table):
        if isinstance(content, dict):
            content = {**content, "publication": snapshot.id, "as_of": as_of}
        return Response(dumps(content), headers=headers, media_type=JSON)
    following = None if content.next_offset is None else _following(request, content.next_offset)
    if following:
        headers["link"] = f'<{following}>; rel="next"'
    if media == JSON:
        return Response(dumps(_as_json(content, snapshot, as_of, following)), headers=headers, media_type=JSON)
    body = as_csv(content.columns, content.rows).encode() if media == CSV else _as_arrow(content, media)
    return Response(body, headers=headers, media_type=media)


def _as_json(table: Table, snapshot: Snapshot, as_of: str | None, following: str | None) -> Any:
    about = {"publication": snapshot.id, "as_of": as_of, **table.about}
    if table.shape == "rows":
        return {**about, "columns": table.columns, "rows": table.rows}
    items = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return items if table.shape == "bare" else {**about, "items": items, "next": following}


def _as_arrow(table: Table, media: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = (
        table.arrow()
        if table.arrow
        else pa.Table.from_pylist([dict(zip(table.columns, row, strict=True)) for row in table.rows])
    )
    sink = pa.BufferOutputStream()
    if media == PARQUET:
        pq.write_table(found, sink)
    else:
        with pa.ipc.new_stream(sink, found.schema) as writer:
            writer.write_table(found)
    return bytes(sink.getvalue())


def as_of_of(snapshot: Snapshot, app: str | None) -> str | None:
    """The data's own clock, as questions tell it: of an app that of its events."""
    data = snapshot.source.data_of(app)
    return data.known_until.isoformat() if data and data.known_until else None


def _following(request: Request, offset: int) -> str:
    """The address of the next page, without the host."""
    url = request.url.include_query_params(offset=offset)
    return f"{url.path}?{url.query}"


def dumps(value: Any) -> bytes:
    """JSON; a number that is none is null."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(value, default=_plain, ensure_ascii=False).encode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Iterable):
        return list(value)
    return str(value)
