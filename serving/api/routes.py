"""What routes are made of: who asks and of which app, and how a route is described with an example."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as InQuery
from starlette.responses import Response

from serving.access import AccessError, Reader
from serving.api.answers import JSON, TABLES, Answers, Work
from serving.api.problems import MEDIA_TYPE, Problem
from serving.server import Backstage, Shared
from serving.snapshots import Snapshot

PAGE, LARGEST_PAGE = 100, 10_000
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many rows a page has.")]
DateFrom = Annotated[date | None, Query(description="The first start of a period.")]
DateTo = Annotated[date | None, Query(description="The last start of a period.")]
Offset = Annotated[int, Query(ge=0, le=10**12, description="How many rows come before the page.")]
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": ["string", "null"]},
                    "fault": {"type": "string"},
                    "mend": {"type": "string"},
                },
            },
        },
    },
}
WHY = {
    400: "The body cannot be read.",
    401: "No key, or none that is known.",
    403: "The key may not do this, or this is not published by app.",
    404: "There is no such thing.",
    406: "No form that is accepted.",
    409: "Not now, or not like this.",
    413: "The body is too large.",
    422: "A parameter or the question is wrong.",
    503: "Nothing is published, or the server cannot now.",
    504: "It took too long.",
}


class Asked:
    """One request: who asks, of which app; a route says what is to be read."""

    def __init__(self, request: Request, reader: Reader, app: str | None) -> None:
        self.request, self.reader, self.app = request, reader, app
        self.shared: Shared = request.app.state.shared
        self._answers: Answers = request.app.state.answers

    @property
    def most_rows(self) -> int:
        """How many rows an answer to a question may have."""
        return self._answers.settings.answer_rows

    async def answer(self, work: Work) -> Response:
        """The answer of a work on what is published, whole or of the one app that is asked for."""
        return await self._answers.answer(self.request, self.app, self.reader.app is not None, work)

    @property
    def backstage(self) -> Backstage:
        """What only the rooms behind can do; raise Problem where this server was started without."""
        if self.shared.backstage is None:
            raise Problem(503, "This server only reads.", "Start it by `footfall serve`.")
        return self.shared.backstage


def reader_of(request: Request) -> Reader:
    """Who asks; raise AccessError where nobody does who may."""
    refuse_unknown_parameters(request)
    reader: Reader | AccessError = request.scope["state"]["reader"]
    if isinstance(reader, AccessError):
        raise reader
    return reader


def asked_of_app(
    request: Request,
    reader: Annotated[Reader, Depends(reader_of)],
    app: Annotated[str | None, Query(description="Of one app alone; a read key's is its own.")] = None,
) -> Asked:
    """A request that may name an app."""
    return Asked(request, reader, reader.app_of(app))


def asked_of_all(request: Request, reader: Annotated[Reader, Depends(reader_of)]) -> Asked:
    """A request that says of which app it is in its body, or not at all."""
    return Asked(request, reader, reader.app)


def asked_by_admin(asked: Annotated[Asked, Depends(asked_of_all)]) -> Asked:
    """A request that changes something."""
    asked.reader.must_be_admin()
    return asked


OfApp = Annotated[Asked, Depends(asked_of_app)]
OfAll = Annotated[Asked, Depends(asked_of_all)]
ByAdmin = Annotated[Asked, Depends(asked_by_admin)]


def refuse_unknown_parameters(request: Request) -> None:
    """Raise Problem for a query parameter that the route does not have: a slip would be a default in silence."""
    if not request.query_params:
        return
    fields = get_flat_params(request.scope["route"].dependant)
    known = [field.alias for field in fields if isinstance(field.field_info, InQuery)]
    for name in request.query_params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{near[0]}`? " if near else ""
            legal = f"Known: {', '.join(known)}." if known else "This route has none."
            raise Problem(422, f"The parameter `{name}` is not known.", hint + legal, name)


def published(snapshot: Snapshot, relation: str) -> str:
    """The name of a relation that is read.

    Raises:
        Problem: 403 where its rows are of several apps at once and one alone may be seen, 503 where it is not there.
    """
    if snapshot.has(relation):
        return relation
    if snapshot.app is not None:
        raise Problem(
            403,
            f"`{relation}` is not published by app, and this is read of the app {snapshot.app!r} alone.",
            "Send an admin key and no `app`, or ask a question of the app.",
        )
    raise Problem(503, f"`{relation}` is not published.", "Run `footfall build`, and ask again.")


def known(snapshot: Snapshot, relation: str, column: str, value: str, what: str, mend: str) -> None:
    """Raise Problem (404) for what no row of a relation is of."""
    sql = f"select 1 from {published(snapshot, relation)} where {column} = $value limit 1"  # noqa: S608 - our names
    if not snapshot.dicts(sql, {"value": value}):
        raise Problem(404, f"There is no {what} {value!r}.", mend, column)


def whose(app: str | None) -> dict[str, str | None]:
    """The segment, and its value, by which the rows of an app, or of all, are published."""
    return {"segment": "all", "segment_value": "all"} if app is None else {"segment": "app", "segment_value": app}


def accepted(told: dict[str, Any]) -> dict[str, Any]:
    """The description of a route that answers with 202, since what it takes is done later."""
    responses = told["responses"]
    responses[202] = responses.pop(200)
    return {**told, "status_code": 202}


def described(
    example: Any,
    *,
    tables: bool = False,
    item: Mapping[str, Any] | None = None,
    statuses: tuple[int, ...] = (),
    reads: bool = True,
) -> dict[str, Any]:
    """What a route's decorator says beside the path: its answers, each with its schema, and an example.

    Args:
        example: of the JSON answer, whose schema is read off it.
        tables: whether it is also given as CSV, Parquet and Arrow.
        item: an item of a page, which `example` then is left out for.
        statuses: the errors of this route beside those of every one.
        reads: whether it reads what is published.
    """
    schema = _schema(example)
    if item is not None:
        example = {"publication": PUBLICATION, "as_of": AS_OF, "items": [item], "next": "/…?offset=100"}
        schema = _schema(example)
        schema["properties"]["items"]["items"] = {"type": "object"}
    content = {JSON: {"schema": schema, "example": example}}
    if tables:
        content |= {media: {"schema": {"type": "string"}} for media in TABLES[1:]}
    errors = {401, 403, 422, *statuses} | ({404, 406, 503, 504} if reads else set())
    responses: dict[int, Any] = {200: {"description": "The answer.", "content": content}}
    if reads:
        headers = {
            name: {"schema": {"type": "string"}, "description": text}
            for name, text in (
                ("ETag", "The publication and the question: send it back as `If-None-Match`."),
                ("Footfall-Publication", "The publication that was read."),
                ("Footfall-As-Of", "The data's own clock, in UTC."),
            )
        }
        responses[200]["headers"] = headers
        responses[304] = {"description": "The answer is the one that you have."}
    for status in sorted(errors):
        responses[status] = {"description": WHY[status], "content": {MEDIA_TYPE: {"schema": PROBLEM}}}
    return {"responses": responses, "response_class": Response, "response_model": None}


PUBLICATION, AS_OF = "20260131T064500_123456_b7b814", "2026-01-30T21:14:03"


def _schema(example: Any) -> dict[str, Any]:
    """The JSON Schema of what looks like this; any value may be null, where the data have none."""
    if isinstance(example, dict):
        return {
            "type": "object",
            "required": list(example),
            "properties": {key: _schema(value) for key, value in example.items()},
        }
    if isinstance(example, list):
        kinds = {type(each) for each in example}
        return {"type": "array", "items": _schema(example[0])} if len(kinds) == 1 else {"type": "array"}
    for kind, name in ((bool, "boolean"), (int | float, "number"), (str, "string")):
        if isinstance(example, kind):
            return {"type": [name, "null"]}
    return {}
