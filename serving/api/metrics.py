"""Metrics: their cards, their rows, and the handful that a dashboard shows first."""

# ruff: noqa: S608 - the names of relations are those of the catalog; what a request says is bound

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from ingest.vendors.money import decimals
from serving.api.answers import Table, page_of, read_rows
from serving.api.problems import Problem
from serving.api.routes import PAGE, Asked, DateFrom, DateTo, Limit, OfApp, Offset, described, whose
from serving.ask.vocabulary import nearest_word
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/api/v1/analytics/metrics", tags=["metrics"])
PREFIX = "metric_"
PERIODS = {"daily": "day", "weekly": "week", "monthly": "month"}
# what the dashboard route calls each, the metric that it is, and by which period; money is in minor units
DASHBOARD = {
    "daily_active_users": ("dau", "day"),
    "monthly_active_users": ("mau", "day"),
    "new_registrations_today": ("registrations", "day"),
    "revenue_today": ("revenue", "day"),
    "conversion_rate": ("signup_to_payment_rate", "month"),
    "churn_rate": ("activity_churn_rate", "month"),
    "ltv_cac_ratio": ("ltv_to_cac", "month"),
}
ROWS = """
    select {columns} from {relation}
    where
        period = $period and segment = $segment and ($segment_value is null or segment_value = $segment_value)
        and ($date_from::date is null or period_start >= $date_from)
        and ($date_to::date is null or period_start <= $date_to)
    order by period_start, segment_value
"""


@routes.get(
    "",
    **described(
        None,
        tables=True,
        item={
            "name": "mau", "title": "Monthly active persons (MAU)", "unit": "persons", "good": "up", "owner": "Product",
            "definition": "Distinct persons with activity in the 30 days that end with the day.",
        },
    ),
)  # fmt: skip
async def cards(asked: OfApp, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """The card of every metric: title, definition, unit, which way is good, owner."""
    columns = ["name", "title", "definition", "unit", "good", "owner"]

    def work(snapshot: Snapshot) -> Table:
        found = _cards(snapshot)
        rows = [[name, *(card.get(column) for column in columns[1:])] for name, card in sorted(found.items())]
        return page_of(columns, rows, limit, offset)

    return await asked.answer(work)


@routes.get(
    "/dashboard",
    **described(
        {
            "daily_active_users": 214, "monthly_active_users": 3120, "new_registrations_today": 12,
            "revenue_today": 1834.5, "conversion_rate": 0.124, "churn_rate": 0.081, "ltv_cac_ratio": 3.4,
            "currency": "USD",
            "of": {
                "daily_active_users": {
                    "metric": "dau", "period": "day", "period_start": "2026-01-30", "is_complete": True
                }
            },
        }
    ),
)  # fmt: skip
async def dashboard(asked: OfApp) -> Response:
    """The first numbers of a dashboard, of the data's last day; rates are of the last whole month that has one."""

    def work(snapshot: Snapshot) -> dict[str, Any]:
        data, minor = snapshot.source.data_of(asked.app), 10 ** decimals(snapshot.source.currency)
        told: dict[str, Any] = {}
        of: dict[str, Any] = {}
        for key, (metric, period) in DASHBOARD.items():
            row = _last(snapshot, metric, period, asked.app, data.last_day if data else None)
            value = row["metric_value"] if row else None
            told[key] = value / minor if value is not None and _unit(snapshot, metric) == "cents" else value
            start = row["period_start"] if row else None
            of[key] = {
                "metric": metric, "period": period, "period_start": start, "is_complete": row and row["is_complete"]
            }  # fmt: skip
        return {**told, "currency": snapshot.source.currency, "of": of}

    return await asked.answer(work)


@routes.get(
    "/aggregated",
    **described(
        [
            {
                "id": "mau:daily:2026-01-30:all", "metric_date": "2026-01-30", "metric_type": "mau", "period": "daily",
                "value": 3120, "metadata": {"calculated_at": "2026-01-31T06:45:00+00:00"},
            }
        ]
    ),
)  # fmt: skip
async def aggregated(
    asked: OfApp,
    metric_type: Annotated[str, Query(description="The name of a metric.", examples=["mau"])],
    period: Annotated[Literal["daily", "weekly", "monthly"], Query()] = "daily",
    start_date: DateFrom = None,
    end_date: DateTo = None,
    limit: Limit = PAGE,
    offset: Offset = 0,
) -> Response:
    """The values of one metric over time, one a period; `Link` leads to the next page."""

    def work(snapshot: Snapshot) -> Table:
        relation = _relation(snapshot, metric_type, "metric_type")
        by, _ = snapshot.once(_published_by, relation)
        known = [shown for shown, name in PERIODS.items() if name in by]
        _must_be_by(asked, metric_type, period, known, "period")
        table = read_rows(
            snapshot,
            ROWS.format(columns="period_start, segment_value, metric_value", relation=relation),
            _parameters(asked.app, PERIODS[period], None, None, start_date, end_date),
            limit,
            offset,
        )
        built_at = snapshot.catalog["built_at"]
        rows = [
            [f"{metric_type}:{period}:{start}:{of}", start, metric_type, period, value, {"calculated_at": built_at}]
            for start, of, value in table.rows
        ]
        columns = ["id", "metric_date", "metric_type", "period", "value", "metadata"]
        return Table(columns, rows, shape="bare", next_offset=table.next_offset)

    return await asked.answer(work)


@routes.get(
    "/{name}",
    **described(
        None,
        tables=True,
        item={"period": "day", "period_start": "2026-01-30", "segment": "all", "segment_value": "all",
              "metric_value": 3120, "is_complete": True},
    ),
)  # fmt: skip
async def metric(
    asked: OfApp,
    name: Annotated[str, Path(description="The name of a metric, without `metric_`.", examples=["mau"])],
    period: Annotated[
        Literal["day", "week", "month"] | None, Query(description="By default the shortest that there is.")
    ] = None,
    segment: Annotated[
        str | None, Query(description="What values are told apart by: `all`, `app`, `country`, …", examples=["country"])
    ] = None,
    segment_value: Annotated[str | None, Query(description="One value of the segment alone.")] = None,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    limit: Limit = PAGE,
    offset: Offset = 0,
) -> Response:
    """The rows of a metric, with its card, what it is published by, and the relations that it is made of."""

    def work(snapshot: Snapshot) -> Table:
        relation = _relation(snapshot, name, "name")
        by, segments = snapshot.once(_published_by, relation)
        wanted = segment or next((each for each in _segments(asked.app) if each in segments), None)
        for given, known, field in ((period, by, "period"), (segment, segments, "segment")):
            _must_be_by(asked, name, given, known, field)
        card = _cards(snapshot)[name]
        about = {
            "name": name, **card, "periods": by, "segments": segments, "lineage": snapshot.once(_lineage, relation)
        }  # fmt: skip
        shown = period or (by[0] if by else "day")
        return read_rows(
            snapshot,
            ROWS.format(columns="*", relation=relation),
            _parameters(asked.app, shown, wanted or "all", segment_value, date_from, date_to),
            limit,
            offset,
            about=about,
        )

    return await asked.answer(work)


def _must_be_by(asked: Asked, metric: str, given: str | None, known: list[str], field: str) -> None:
    """Raise Problem (404) for a period or segment by which a metric that has rows has none."""
    if given is not None and known and given not in known:
        of = "" if asked.app is None else f" of app {asked.app!r}"
        fault = f"`{metric}`{of} is not published by {field} {given!r}."
        raise Problem(404, fault, f"It is by: {', '.join(known)}.", field)


def _segments(app: str | None) -> tuple[str, ...]:
    """By what a metric is shown where nothing is said: that of an app has no row of all."""
    return ("all", "conversion", "funnel", "experiment") if app is None else ("app",)


def _parameters(
    app: str | None, period: str, segment: str | None, value: str | None, date_from: date | None, date_to: date | None
) -> dict[str, Any]:
    of = whose(app) if segment is None else {"segment": segment, "segment_value": value}
    return {"period": period, **of, "date_from": date_from, "date_to": date_to}


def _cards(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    relations = snapshot.catalog["relations"]
    return {name.removeprefix(PREFIX): told["card"] for name, told in relations.items() if told.get("card")}


def _relation(snapshot: Snapshot, metric: str, field: str) -> str:
    """The relation of a metric.

    Raises:
        Problem: 404 where there is none of that name.
    """
    cards = _cards(snapshot)
    if metric not in cards:
        near = nearest_word(metric, cards)
        hint = f"Did you mean `{near}`? " if near else ""
        raise Problem(
            404, f"There is no metric {metric!r}.", f"{hint}`GET /api/v1/analytics/metrics` lists them.", field
        )
    return PREFIX + metric


def _unit(snapshot: Snapshot, metric: str) -> str | None:
    card = snapshot.source.card(metric)
    return card["unit"] if card else None


def _last(snapshot: Snapshot, metric: str, period: str, app: str | None, day: date | None) -> dict[str, Any] | None:
    """The row of the data's last day; of a longer period, that of the last whole one that has a value."""
    if not snapshot.has(PREFIX + metric):
        return None
    which = "period_start = $day" if period == "day" else "is_complete and metric_value is not null"
    found = snapshot.dicts(
        f"select * from {PREFIX}{metric} where period = $period and segment = $segment "
        f"and segment_value = $segment_value and $day::date is not null and {which} "
        "order by period_start desc limit 1",
        {"period": period, **whose(app), "day": day},
    )
    return found[0] if found else None


def _published_by(snapshot: Snapshot, relation: str) -> tuple[list[str], list[str]]:
    """By which periods and by which segments there are rows of a metric."""
    there = snapshot.dicts(f"select distinct period, segment from {relation}")
    periods = sorted({each["period"] for each in there}, key=list(PERIODS.values()).index)
    return periods, sorted({each["segment"] for each in there})


def _lineage(snapshot: Snapshot, relation: str) -> dict[str, list[str]]:
    """Of the metric and of each view that it is made of, the published relations that it reads."""
    views = {
        view["view_name"]: view["sql"]
        for view in snapshot.dicts(
            "select view_name, sql from duckdb_views() where database_name = 'marts' and not internal"
        )
    }
    names = snapshot.catalog["relations"].keys() | views.keys()
    found: dict[str, list[str]] = {}
    waiting = [relation]
    while waiting:
        name = waiting.pop()
        if name in views and name not in found:
            found[name] = sorted({word for word in re.findall(r"\w+", views[name]) if word in names} - {name})
            waiting += found[name]
    return found
