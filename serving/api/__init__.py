"""The API: questions, metrics and the dashboards of products over HTTP, from what is published. No metric is made here.

Routes stand by area, a file each; `front` answers what was answered before, `answers` works out the rest, `problems`
says what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import duckdb
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response

from serving.access import AccessError
from serving.api import (
    charging,
    content,
    creators,
    experiments,
    feedback,
    metrics,
    persons,
    privacy,
    questions,
    running,
)
from serving.api.answers import Answers
from serving.api.front import Front
from serving.api.problems import SEE, Problem
from serving.ask import question_schema
from serving.publications import HomeMovedError, NothingPublishedError
from serving.running import Running
from serving.server import Shared
from serving.settings import ApiSettings
from serving.snapshots import Snapshots

AREAS = (questions, metrics, persons, charging, content, creators, experiments, feedback, running, privacy)
# how often it is looked whether there is a new publication
AHEAD_SECONDS = 2.0
ABOUT = """
Product analytics from what is published. Every answer is of one publication, whose id its `ETag` begins with: send it
back as `If-None-Match`, and an answer that you have is not sent again. Lists are paged by `limit` and `offset`, and
given as JSON, CSV, Parquet or Arrow, by `Accept`. Errors are problem details (RFC 9457): field, fault and mend.
"""


def api(shared: Shared) -> FastAPI:
    """The application of a home."""
    settings = ApiSettings()  # type: ignore[call-arg]
    answers = Answers(shared.snapshots, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = Running()
        ahead = asyncio.create_task(_look_ahead(shared.snapshots, running))
        yield
        ahead.cancel()
        running.stop()
        answers.close()

    app = FastAPI(
        title="Footfall",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        middleware=[Middleware(Front, shared=shared, settings=settings)],
    )
    app.state.shared, app.state.answers = shared, answers
    for area in AREAS:
        app.include_router(area.routes)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(AccessError, _refused)
    app.add_exception_handler(RequestValidationError, _wrong)
    app.add_exception_handler(HTTPException, _http)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


async def _look_ahead(snapshots: Snapshots, running: Running) -> None:
    """Open each publication as it comes, and do what its first readers would wait for."""

    def look() -> None:
        try:
            with snapshots.read() as shown, running.of(shown.cursor()):
                # the first day that is bound makes DuckDB import pandas
                shown.cursor().execute("select ?", [date.max])
                shown.once(questions.names_of)
        except (NothingPublishedError, HomeMovedError, OSError, duckdb.Error):
            return  # whoever asks is told

    while True:
        await asyncio.to_thread(look)
        await asyncio.sleep(AHEAD_SECONDS)


def _problem(_: Request, error: Any) -> Response:
    return error.response()  # type: ignore[no-any-return]


def _refused(_: Request, error: Any) -> Response:
    return Problem(error.status, str(error), "").response()


def _wrong(_: Request, error: Any) -> Response:
    return Problem.of_request(error).response()


def _http(request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return Problem(404, f"There is nothing at {request.url.path}.", SEE).response()
    if error.status_code == 405:
        fault = f"{request.method} is not answered at {request.url.path}."
        return Problem(405, fault, SEE).response(error.headers)
    return Problem(error.status_code, str(error.detail), SEE).response(error.headers)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description of all routes, with the vocabulary of questions and the ways to bring a key."""
    if app.openapi_schema is None:
        described: dict[str, Any] = FastAPI.openapi(app)
        schema = question_schema()
        components = described.setdefault("components", {})
        components.setdefault("schemas", {}).update(_moved(schema["$defs"]))
        components["schemas"]["AnyQuestion"] = _moved({"title": schema["title"], "oneOf": schema["oneOf"]})
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic"},
        }
        described["security"] = [{"bearer": []}, {"basic": []}]
        app.openapi_schema = described
    return app.openapi_schema


def _moved(schema: Any) -> Any:
    """A schema whose definitions lie among the components of OpenAPI."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _moved(value)
            for key, value in schema.items()
        }
    return [_moved(each) for each in schema] if isinstance(schema, list) else schema
