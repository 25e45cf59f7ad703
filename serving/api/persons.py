"""Persons: who is in which segment, from `dim_persons`."""

# ruff: noqa: S608 - the name of the relation is ours; what a request says is bound

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from serving.api.answers import Table, read_rows
from serving.api.routes import PAGE, Limit, OfApp, Offset, described, published
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/api/v1/analytics/users", tags=["persons"])
PERSON = {"user_id": "u-17", "segment": "POWER"}


@routes.get("/segments", **described(None, tables=True, item=PERSON))
async def segments(
    asked: OfApp,
    segment: Annotated[
        Literal["NEW", "ACTIVE", "POWER", "AT_RISK", "CHURNED"] | None, Query(description="Those of one segment alone.")
    ] = None,
    limit: Limit = PAGE,
    offset: Offset = 0,
) -> Response:
    """Everybody with their segment on the data's last day. A person is of all apps, so this is not told of one."""

    def work(snapshot: Snapshot) -> Table:
        sql = (
            f"select person_id as user_id, segment from {published(snapshot, 'dim_persons')} "
            "where $segment is null or segment = $segment order by person_id"
        )
        return read_rows(snapshot, sql, {"segment": segment}, limit, offset)

    return await asked.answer(work)
