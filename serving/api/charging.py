"""Charging: what the dashboards of charging products ask, from the marts of charging."""

# ruff: noqa: S608 - the names of relations are ours; what a request says is bound

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from serving.api.answers import Table, read_rows
from serving.api.routes import PAGE, Asked, Limit, OfApp, Offset, described, published, whose
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/v1/analytics", tags=["charging"])
Days = Annotated[int, Query(ge=1, le=36_500, description="How many days, the last of which is the data's last.")]
DAYS = """
    select * exclude (period, segment, segment_value) from {relation}
    where
        period = 'day' and segment = $segment and segment_value = $segment_value
        and period_start > $last_day::date - $days::integer and period_start <= $last_day
    order by all
"""
DAY = {"period_start": "2026-01-30", "is_complete": True}
FUNNEL = {**DAY, "started_sessions": 41, "completed_sessions": 39, "credited_sessions": 12, "completion_rate": 0.951}
GREEN = {
    **DAY,
    "incentive_window": "night",
    "started_sessions": 41,
    "green_sessions": 9,
    "green_hour_utilization": 0.22,
}
REVENUE = {**DAY, "revenue_cents": 183450, "orders": 31, "paying_customers": 29}


def _parameters(asked: Asked, snapshot: Snapshot, days: int) -> dict[str, Any]:
    data = snapshot.source.data_of(asked.app)
    return {
        **whose(asked.app),
        "last_day": data.last_day if data else None,
        "days": days,
    }


@routes.get(
    "/kpis",
    **described({"days": 7, "conversion_funnel": [FUNNEL], "green_hour_utilization": [GREEN], "revenue": [REVENUE]}),
)
async def kpis(asked: OfApp, days: Days = 7) -> Response:
    """The last days side by side: sessions, green hours and revenue, a row a day."""

    def work(snapshot: Snapshot) -> dict[str, Any]:
        told = {
            "conversion_funnel": "fct_charging_funnel",
            "green_hour_utilization": "fct_green_hour_utilization",
            "revenue": "fct_revenue_overview",
        }
        parameters = _parameters(asked, snapshot, days)
        rows = {
            key: snapshot.dicts(DAYS.format(relation=published(snapshot, relation)), parameters)
            for key, relation in told.items()
        }
        return {"days": days, **rows}

    return await asked.answer(work)


async def _by_day(asked: Asked, relation: str, days: int, limit: int, offset: int) -> Response:
    def work(snapshot: Snapshot) -> Table:
        sql = DAYS.format(relation=published(snapshot, relation))
        return read_rows(snapshot, sql, _parameters(asked, snapshot, days), limit, offset)

    return await asked.answer(work)


@routes.get("/kpis/conversion-funnel", **described(None, tables=True, item=FUNNEL))
async def conversion_funnel(asked: OfApp, days: Days = 7, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """Sessions started, completed and credited, a row a day."""
    return await _by_day(asked, "fct_charging_funnel", days, limit, offset)


@routes.get("/kpis/green-hour-utilization", **described(None, tables=True, item=GREEN))
async def green_hours(asked: OfApp, days: Days = 7, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """Sessions that overlap an incentive window, a row a day and window."""
    return await _by_day(asked, "fct_green_hour_utilization", days, limit, offset)


@routes.get("/kpis/revenue-metrics", **described(None, tables=True, item=REVENUE))
async def revenue_metrics(asked: OfApp, days: Days = 7, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """Revenue, orders, payments and customers, a row a day; money in cents of the reporting currency."""
    return await _by_day(asked, "fct_revenue_overview", days, limit, offset)


@routes.get(
    "/kpis/streak-metrics",
    **described(
        None,
        tables=True,
        item={"app": "volt", "person_id": "u-17", "period": "day", "current_streak": 3, "longest_streak": 9},
    ),
)
async def streaks(asked: OfApp, days: Days = 30, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """Streaks of those who charged within the last days, the longest current ones first."""

    def work(snapshot: Snapshot) -> Table:
        relation = published(snapshot, "fct_charging_streaks")
        sql = (
            f"select * from {relation} where last_period_start_date > as_of_date - $days::integer "
            "order by current_streak desc, longest_streak desc, app, person_id, period"
        )
        return read_rows(snapshot, sql, {"days": days}, limit, offset)

    return await asked.answer(work)
