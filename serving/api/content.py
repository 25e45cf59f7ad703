"""Content: how items do, and who reads them, from the marts of content."""

# ruff: noqa: S608 - the names of relations and columns are ours; what a request says is bound

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from serving.api.answers import Table, read_rows
from serving.api.problems import Problem
from serving.api.routes import PAGE, Limit, OfApp, Offset, described, known, published
from serving.snapshots import Snapshot

routes = APIRouter(tags=["content"])
ContentId = Annotated[str, Path(description="The id of an item.", examples=["work-18"])]
Periods = Annotated[Literal["all", "week", "month"], Query(description="By which period; `all` is all time.")]
RANKS = {"views": "view_rank", "engagement": "engagement_rank", "revenue": "revenue_rank"}
ITEM = {
    "period": "all", "period_start": "2025-01-01", "app": "studio", "content_id": "work-18", "creator_id": "creator-2",
    "views": 642, "unique_readers": 310, "completion_rate": 0.41, "engagement_score": 1204.0, "view_rank": 3,
}  # fmt: skip
PART = {"app": "studio", "content_id": "work-18", "part": 1, "starters": 156, "finishers": 126, "drop_off_rate": 0.19}


@routes.get("/analytics/content/top-performing", **described(None, tables=True, item=ITEM))
async def top_performing(
    asked: OfApp,
    by: Annotated[
        Literal["views", "engagement", "revenue"], Query(description="What they are ranked by.")
    ] = "engagement",
    period: Periods = "all",
    limit: Limit = 10,
    offset: Offset = 0,
) -> Response:
    """The items that do best; of weeks and months in the last one."""

    def work(snapshot: Snapshot) -> Table:
        relation = published(snapshot, "fct_content_performance")
        sql = (
            f"select * from {relation} where period = $period and {RANKS[by]} is not null "
            f"qualify period_start = max(period_start) over (partition by app) order by {RANKS[by]}, app, content_id"
        )
        return read_rows(snapshot, sql, {"period": period}, limit, offset)

    return await asked.answer(work)


@routes.get("/analytics/content/{content_id}/performance", **described(None, tables=True, item=ITEM))
async def performance(
    asked: OfApp, content_id: ContentId, period: Periods = "month", limit: Limit = PAGE, offset: Offset = 0
) -> Response:
    """How an item does, a row a period."""

    def work(snapshot: Snapshot) -> Table:
        _known(snapshot, content_id)
        sql = (
            f"select * from {published(snapshot, 'fct_content_performance')} "
            "where content_id = $content_id and period = $period order by app, period_start"
        )
        return read_rows(snapshot, sql, {"content_id": content_id, "period": period}, limit, offset)

    return await asked.answer(work)


@routes.get(
    "/dashboard/content/{content_id}/insights",
    **described({"performance": [ITEM], "parts": [PART], "observations": [{"rule": "…", "evidence": "…"}]}),
)  # fmt: skip
async def insights(asked: OfApp, content_id: ContentId) -> Response:
    """All about an item: its performance of all time, its parts with their drop-off, and what was noticed of it."""

    def work(snapshot: Snapshot) -> dict[str, Any]:
        _known(snapshot, content_id)
        sql = "select * from {} where content_id = $content_id{} order by all"
        told = {
            "performance": ("fct_content_performance", " and period = 'all'"),
            "parts": ("fct_content_parts", ""),
            "observations": ("fct_content_observations", ""),
        }
        return {
            key: snapshot.dicts(sql.format(published(snapshot, relation), more), {"content_id": content_id})
            for key, (relation, more) in told.items()
        }

    return await asked.answer(work)


@routes.get(
    "/dashboard/content/{content_id}/performance-comparison",
    **described(
        {
            "comparison": [
                {
                    "app": "studio", "period_start": "2025-01-01", "views": 642, "peers_median_views": 401.5,
                    "engagement_score": 1204.0, "peers_median_engagement_score": 733.0, "completion_rate": 0.41,
                    "peers_median_completion_rate": 0.38, "view_rank": 3, "engagement_rank": 2, "revenue_rank": 5,
                    "views_change": 0.12, "engagement_change": 0.08, "ranks_gained": 1,
                }
            ]
        }
    ),
)  # fmt: skip
async def performance_comparison(asked: OfApp, content_id: ContentId, period: Periods = "all") -> Response:
    """An item beside the median of its creator's peers, and beside its own period before."""
    columns = (
        "app, period_start, views, peers_median_views, engagement_score, peers_median_engagement_score, "
        "completion_rate, peers_median_completion_rate, view_rank, engagement_rank, revenue_rank, views_change, "
        "engagement_change, ranks_gained"
    )

    def work(snapshot: Snapshot) -> dict[str, Any]:
        _known(snapshot, content_id)
        sql = (
            f"select {columns} from {published(snapshot, 'fct_content_performance')} "
            "where content_id = $content_id and period = $period order by app, period_start"
        )
        return {"comparison": snapshot.dicts(sql, {"content_id": content_id, "period": period})}

    return await asked.answer(work)


READER = {
    "app": "studio", "person_id": "u-17", "engagement_rank": 1, "audience": "loyal", "active_days": 41, "views": 180,
    "engagement_score": 512.0, "revenue_cents": 2400,
}  # fmt: skip


@routes.get("/analytics/users/most-engaged", **described(None, tables=True, item=READER))
async def most_engaged(asked: OfApp, limit: Limit = 10, offset: Offset = 0) -> Response:
    """The readers who engage most."""

    def work(snapshot: Snapshot) -> Table:
        relation = published(snapshot, "fct_content_readers")
        return read_rows(
            snapshot, f"select * from {relation} order by engagement_rank, app, person_id", {}, limit, offset
        )

    return await asked.answer(work)


@routes.get("/analytics/user/{user_id}/engagement", **described({"user_id": "u-17", "engagement": [READER]}))
async def user_engagement(
    asked: OfApp, user_id: Annotated[str, Path(description="A user id, or a person id.", examples=["u-17"])]
) -> Response:
    """What one user reads, a row an app; the events of all ids of the same person count."""

    def work(snapshot: Snapshot) -> dict[str, Any]:
        readers, ids = published(snapshot, "fct_content_readers"), published(snapshot, "int_identities")
        sql = (
            f"select * from {readers} where person_id = $id or (app, person_id) in "
            f"(select (app, person_id) from {ids} where id_kind = 'user' and id = $id) order by app"
        )
        found = snapshot.dicts(sql, {"id": user_id})
        if not found:
            raise Problem(404, f"Nobody of the id {user_id!r} reads content.", "Name a user with events.", "user_id")
        return {"user_id": user_id, "engagement": found}

    return await asked.answer(work)


def _known(snapshot: Snapshot, content_id: str) -> None:
    mend = "`GET /analytics/content/top-performing` lists them."
    known(snapshot, "fct_content_performance", "content_id", content_id, "item", mend)
