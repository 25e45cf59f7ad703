"""Creators: the dashboard of one writer, from the marts of content."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from serving.api.answers import Table, read_rows
from serving.api.content import ITEM
from serving.api.routes import PAGE, Asked, Limit, OfApp, Offset, described, known, published
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/dashboard/writer/{creator_id}", tags=["creators"])
CreatorId = Annotated[str, Path(description="The id of a creator.", examples=["creator-2"])]
Period = Annotated[Literal["week", "month"], Query(description="By which period.")]
CREATOR = {"app": "studio", "creator_id": "creator-2"}
OVERVIEW = {**CREATOR, "items": 5, "views": 1797, "followers": 36, "revenue_cents": 34179, "view_rank": 2}
REVENUE = {**CREATOR, "period": "month", "period_start": "2026-01-01", "revenue_cents": 2890, "expected_cents": 3100}
AUDIENCE = {**CREATOR, "period": "month", "period_start": "2026-01-01", "segment": "all", "segment_value": "all",
            "audience_persons": 122, "casual_persons": 75, "regular_persons": 42, "loyal_persons": 5}  # fmt: skip
ADVICE = {**CREATOR, "rule": "a_part_loses_readers", "content_id": "work-12", "part": 2,
          "evidence": "Of 97 readers …", "suggestion": "Rework this part …"}  # fmt: skip
GROWTH = {**CREATOR, "period": "month", "period_start": "2026-01-01", "views": 401, "views_growth": 0.12}


async def _rows(
    asked: Asked, creator_id: str, sql: str, relation: str, limit: int, offset: int, **values: Any
) -> Response:
    def work(snapshot: Snapshot) -> Table:
        _known(snapshot, creator_id)
        found = sql.format(relation=published(snapshot, relation))
        return read_rows(snapshot, found, {"creator_id": creator_id, **values}, limit, offset)

    return await asked.answer(work)


def _known(snapshot: Snapshot, creator_id: str) -> None:
    mend = "Name one whose content has events."
    known(snapshot, "fct_creator_overview", "creator_id", creator_id, "creator", mend)


@routes.get(
    "", **described({"overview": [OVERVIEW], "revenue": [REVENUE], "audience": [AUDIENCE], "recommendations": [ADVICE]})
)
async def writer(asked: OfApp, creator_id: CreatorId) -> Response:
    """One page of a creator: overview, revenue of the last months with its forecast, audience and recommendations."""
    told = {
        "overview": "select * from {relation} where creator_id = $id order by app",
        "revenue": "select * from {relation} where creator_id = $id and period = 'month' "
        "order by app, period_start desc limit 24",
        "audience": "select * from {relation} where creator_id = $id and segment = 'all' "
        "qualify period_start = max(period_start) over (partition by app) order by app",
        "recommendations": "select * from {relation} where creator_id = $id order by all",
    }

    def work(snapshot: Snapshot) -> dict[str, Any]:
        _known(snapshot, creator_id)
        return {
            key: snapshot.dicts(sql.format(relation=published(snapshot, f"fct_creator_{key}")), {"id": creator_id})
            for key, sql in told.items()
        }

    return await asked.answer(work)


@routes.get("/overview", **described(None, tables=True, item=OVERVIEW))
async def overview(asked: OfApp, creator_id: CreatorId, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """All time in one row an app: items, readers, engagement, followers, revenue, ranks, peers' medians."""
    sql = "select * from {relation} where creator_id = $creator_id order by app"
    return await _rows(asked, creator_id, sql, "fct_creator_overview", limit, offset)


@routes.get("/revenue", **described(None, tables=True, item=REVENUE))
async def revenue(
    asked: OfApp, creator_id: CreatorId, period: Period = "month", limit: Limit = PAGE, offset: Offset = 0
) -> Response:
    """Revenue, a row a period, and the months that are forecast, with their interval."""
    sql = "select * from {relation} where creator_id = $creator_id and period = $period order by app, period_start"
    return await _rows(asked, creator_id, sql, "fct_creator_revenue", limit, offset, period=period)


@routes.get("/audience", **described(None, tables=True, item=AUDIENCE))
async def audience(
    asked: OfApp,
    creator_id: CreatorId,
    segment: Annotated[
        Literal["all", "country", "device_type"], Query(description="What it is told apart by.")
    ] = "all",
    limit: Limit = PAGE,
    offset: Offset = 0,
) -> Response:
    """The audience by how often they come, a row a month and value of the segment."""
    sql = (
        "select * from {relation} where creator_id = $creator_id and segment = $segment "
        "order by app, period_start, segment_value"
    )
    return await _rows(asked, creator_id, sql, "fct_creator_audience", limit, offset, segment=segment)


@routes.get("/recommendations", **described(None, tables=True, item=ADVICE))
async def recommendations(asked: OfApp, creator_id: CreatorId, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """What to do, each with the evidence that it rests on."""
    sql = "select * from {relation} where creator_id = $creator_id order by all"
    return await _rows(asked, creator_id, sql, "fct_creator_recommendations", limit, offset)


@routes.get("/stories/ranking", **described(None, tables=True, item=ITEM))
async def stories(asked: OfApp, creator_id: CreatorId, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """The creator's items of all time, those that engage most first."""
    sql = (
        "select * from {relation} where creator_id = $creator_id and period = 'all' "
        "order by engagement_rank nulls last, app, content_id"
    )
    return await _rows(asked, creator_id, sql, "fct_content_performance", limit, offset)


@routes.get("/growth-metrics", **described(None, tables=True, item=GROWTH))
async def growth(
    asked: OfApp, creator_id: CreatorId, period: Period = "month", limit: Limit = PAGE, offset: Offset = 0
) -> Response:
    """Views, readers, followers and revenue against the period before."""
    sql = "select * from {relation} where creator_id = $creator_id and period = $period order by app, period_start"
    return await _rows(asked, creator_id, sql, "fct_creator_growth", limit, offset, period=period)


@routes.get("/export", **described(None, tables=True, item=ITEM))
async def export(asked: OfApp, creator_id: CreatorId, limit: Limit = 10_000, offset: Offset = 0) -> Response:
    """Every row of the creator's items, of all periods, to keep: `Accept: text/csv` or Parquet."""
    sql = "select * from {relation} where creator_id = $creator_id order by app, content_id, period, period_start"
    return await _rows(asked, creator_id, sql, "fct_content_performance", limit, offset)
