"""Running it: what is configured, how it is, and long work: a build, and what else the rooms behind can do."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from serving.api.answers import JSON, dumps
from serving.api.problems import Problem
from serving.api.routes import AS_OF, PUBLICATION, ByAdmin, OfApp, accepted, described
from serving.publications import HomeMovedError, NothingPublishedError
from serving.server import CannotStart, Run, Shared
from serving.snapshots import Snapshot

routes = APIRouter(tags=["running it"])
BASE = "/api/v1/analytics"
SECRET = re.compile(r"key|token|secret|salt|password|hmac", re.IGNORECASE)
RUN = {
    "id": "20260131T064402_a1b2c3", "kind": "build", "status": "running", "started_at": "2026-01-31T06:44:02+00:00",
    "ended_at": "2026-01-31T06:45:00+00:00", "finished": 41, "total": 305, "step": "fct_sessions",
    "message": "Built and tested 305 of 305 nodes.",
}  # fmt: skip
RUN_EXAMPLE = {**RUN, "result": {}}
HEALTH = {"status": "ok", "publication": PUBLICATION}


class BuildSpec(BaseModel):
    """How a build is to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    full_refresh: bool = False


def answer_of_run(run: Run, status: int = 200) -> Response:
    """A run as HTTP tells of it."""
    return Response(dumps(asdict(run)), status, media_type=JSON)


def started(asked: Any, kind: str, options: dict[str, Any]) -> Response:
    """Start a long work and answer with its run, which may be the one that is at it already.

    Raises:
        Problem: 409 where it cannot be started now.
    """
    try:
        return answer_of_run(asked.backstage.start(kind, options), 202)
    except CannotStart as error:
        raise Problem(409, str(error), "Ask again when it has ended.") from None


@routes.post(f"{BASE}/etl/run", **accepted(described(RUN_EXAMPLE, reads=False, statuses=(400, 409, 503))))
async def run_build(
    asked: ByAdmin, spec: Annotated[BuildSpec | None, Body(examples=[{"full_refresh": False}])] = None
) -> Response:
    """Start a build in a process of its own, or return the one that runs; two never overlap."""
    return await run_in_threadpool(started, asked, "build", (spec or BuildSpec()).model_dump())


@routes.get(f"{BASE}/etl/runs/{{run_id}}", **described(RUN_EXAMPLE, reads=False, statuses=(404, 503)))
def run_of(asked: ByAdmin, run_id: Annotated[str, Path(description="What starting it returned.")]) -> Response:
    """How far a run is, and what came of it."""
    run = asked.backstage.run(run_id)
    if run is None:
        raise Problem(404, f"There is no run {run_id!r}.", f"`POST {BASE}/etl/run` starts one.", "run_id")
    return answer_of_run(run)


@routes.get(
    f"{BASE}/process-events",
    **described(
        {"sealed_events": 12, "landed": {"accepted": 12, "duplicate": 0, "quarantined": 0}, "fault": "…"},
        reads=False,
        statuses=(503,),
    ),
)
async def process_events(asked: ByAdmin) -> Response:
    """Seal what has been received and land it now; the next build takes it in."""
    if asked.shared.collector.spool is None:
        raise Problem(503, "This server receives no events.", "Ask the one that does.")
    return Response(dumps(await asked.shared.collector.land_now()), media_type=JSON)


@routes.get(
    f"{BASE}/config",
    **described({"batch_size": {"value": 100, "source": "default"}}, reads=False, statuses=(503,)),
)
def config(asked: ByAdmin) -> Response:
    """Every setting in force, its value and where it comes from; a secret is told as set, not what it is."""
    told = {
        name: {**each, "value": "(set)" if each["value"] and SECRET.search(name) else each["value"]}
        for name, each in asked.backstage.settings().items()
    }
    return Response(dumps(told), media_type=JSON)


def health(request: Request) -> Response:
    """Whether something is published and can be read; needs no key."""
    shared: Shared = request.app.state.shared
    try:
        with shared.snapshots.read() as shown:
            told = {"status": "degraded" if shared.snapshots.fault else "ok", "publication": shown.id}
    except (NothingPublishedError, HomeMovedError) as error:
        raise Problem(503, str(error), "Run `footfall build`.") from None
    return Response(dumps(told), media_type=JSON)


STATS = {
    "events": 647822, "first_day": "2025-01-01", "last_day": "2026-01-30",
    "apps": [{"app": "shop", "events": 543244, "first_day": "2025-01-01", "last_day": "2026-01-30"}],
    "built_at": "2026-01-31T06:45:00+00:00", "published_at": "2026-01-31T06:45:09+00:00",
}  # fmt: skip


async def stats(asked: OfApp) -> Response:
    """How many events of which apps and days there are, and when it was built."""

    def work(snapshot: Snapshot) -> dict[str, Any]:
        source = snapshot.source
        data = source.data_of(asked.app)
        apps = [
            {"app": app, "events": each.events, "first_day": each.first_day, "last_day": each.last_day}
            for app, each in sorted(source.apps.items())
        ]
        return {
            "events": data.events if data else 0,
            "first_day": data.first_day if data else None,
            "last_day": data.last_day if data else None,
            "apps": apps,
            "built_at": snapshot.catalog["built_at"],
            "published_at": snapshot.catalog["published_at"],
        }

    return await asked.answer(work)


for base in (BASE, "/v1/analytics"):
    routes.get(f"{base}/health", **described(HEALTH, reads=False, statuses=(503,)), openapi_extra={"security": []})(
        health
    )
    routes.get(f"{base}/stats", **described({**STATS, "publication": PUBLICATION, "as_of": AS_OF}))(stats)
