"""Questions: any of the vocabulary, and the two that product guides ask by routes of their own."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.answers import JSON, Table, dumps, page_of
from serving.api.problems import SEE, Problem
from serving.api.routes import AS_OF, PAGE, PUBLICATION, Asked, Limit, OfAll, OfApp, Offset, described
from serving.ask import Answer, AskError, UnknownNameError, joined_keys, known_names, question_schema
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/api/v1/analytics", tags=["questions"])
ALLOW = "Answer also where the question names an app, event or property that no event has; it is a warning then."
NAMES = "`GET /api/v1/analytics/names` lists what there is, `?allow_unknown=true` answers anyway."
PERIODS = {"weekly": "week", "monthly": "month"}


class FunnelSpec(BaseModel):
    """A funnel of event names."""

    model_config = ConfigDict(extra="forbid")

    steps: Annotated[list[str], Field(min_length=2, max_length=50, description="Names of events, in their order.")]
    start_date: date | None = Field(None, description="First local day on which somebody enters.")
    end_date: date | None = Field(None, description="The last one.")
    app: str | None = Field(None, description="Of one app alone.")


def answered(asked: Asked, snapshot: Snapshot, question: Any, *, allow_unknown: bool = False) -> Answer:
    """The answer to a question of the vocabulary, of the asker's own app where it has one.

    Raises:
        Problem: 404 where the question names what no event has, 422 where it is wrong.
    """
    if asked.reader.app is not None and isinstance(question, dict):
        question = {**question, "app": asked.reader.app_of(question.get("app"))}
    try:
        return snapshot.source.ask(question, allow_unknown=allow_unknown, most_rows=asked.most_rows)
    except UnknownNameError as error:
        problem = Problem.of_question(error, 404)
        for fault in problem.faults:
            fault["mend"] = NAMES if fault["mend"] == SEE else f"{fault['mend']} {NAMES}"
        raise problem from None
    except AskError as error:
        raise Problem.of_question(error) from None


@routes.post(
    "/questions",
    **described(
        {
            "publication": "20260131T064500_123456_b7b814",
            "as_of": AS_OF,
            "question": {"kind": "active_users"},
            "timezone": "UTC",
            "warnings": ['No `purchase` has "gold" as `plan`.'],
            "columns": ["period_start", "users"],
            "rows": [["2026-01-29", 1204]],
        },
        tables=True,
        statuses=(400, 413),
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {"$ref": "#/components/schemas/AnyQuestion"},
                    "example": {"kind": "active_users", "window_days": 7, "interval": "day"},
                }
            },
        }
    },
)
async def ask_question(
    request: Request, asked: OfAll, allow_unknown: Annotated[bool, Query(description=ALLOW)] = False
) -> Response:
    """Answer one question of the vocabulary."""
    try:
        question = json.loads(await request.body(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Problem(400, "The body is no JSON.", "Send a question as one JSON object.") from None

    def work(snapshot: Snapshot) -> Table:
        answer = answered(asked, snapshot, question, allow_unknown=allow_unknown)
        return table_of(answer, answer.about())

    return await asked.answer(work)


def table_of(answer: Answer, about: dict[str, Any]) -> Table:
    """The rows of an answer, with its types for who asks for Parquet or Arrow."""

    def arrow() -> Any:
        import pyarrow as pa

        columns = zip(*answer.values, strict=True) if answer.values else ([] for _ in answer.columns)
        return pa.table([pa.array(list(column)) for column in columns], names=answer.columns)

    return Table(answer.columns, answer.rows, arrow, about, shape="rows")


@routes.get("/schema", **described({"title": "A question to Footfall"}, reads=False))
async def schema_of_questions(asked: OfAll) -> Response:
    """The JSON Schema of the whole vocabulary of questions."""
    del asked
    return Response(_schema(), media_type=JSON)


@cache
def _schema() -> bytes:
    return dumps(question_schema())


@routes.get(
    "/names",
    **described(
        {
            "publication": PUBLICATION, "as_of": AS_OF, "keys": ["person.plan", "session.channel"],
            "items": [{
                "app": "shop", "event_name": "purchase", "events": 411, "first_day": "2026-01-01",
                "last_day": "2026-01-30", "properties": ["amount_cents", "plan"],
            }],
            "next": "/…?offset=100",
        },
        tables=True,
    ),
)  # fmt: skip
async def names(asked: OfApp, limit: Limit = PAGE, offset: Offset = 0) -> Response:
    """What a question can name: apps, their events and the properties of these.

    `keys`, in JSON, are what an event has by its person, account and session.
    """

    def work(snapshot: Snapshot) -> Table:
        columns, rows = snapshot.once(names_of)
        return page_of(columns, rows, limit, offset, about={"keys": snapshot.once(keys_of)})

    return await asked.answer(work)


def names_of(snapshot: Snapshot) -> tuple[list[str], list[tuple[object, ...]]]:
    """What a question can name. It takes a look at every event, so that each publication is looked through once."""
    whole = snapshot.whole
    if whole is snapshot or not whole.knows(names_of):
        return known_names(snapshot.cursor())
    columns, rows = whole.once(names_of)
    return columns, [row for row in rows if row[0] == snapshot.app]


def keys_of(snapshot: Snapshot) -> list[str]:
    """The keys by which a question can name what an event has by its person, account and session."""
    return joined_keys(snapshot.cursor())


@routes.post(
    "/funnel",
    **described(
        {
            "funnel": [{"step": "signup", "count": 120, "conversion_rate": 100.0, "drop_off": 0.0}],
            "total_entries": 120,
            "overall_conversion": 12.5,
        },
        statuses=(400, 413),
    ),
)
async def funnel(
    asked: OfAll,
    spec: Annotated[FunnelSpec, Body(examples=[{"steps": ["signup", "purchase"], "start_date": "2026-01-01"}])],
) -> Response:
    """How many get through events in this order; rates in percent. The question of kind `funnel` can ask more."""
    question: dict[str, Any] = {"kind": "funnel", "steps": [{"event_name": name} for name in spec.steps]}
    question |= {"date_from": spec.start_date and spec.start_date.isoformat()}
    question |= {"date_to": spec.end_date and spec.end_date.isoformat(), "app": spec.app}

    def work(snapshot: Snapshot) -> dict[str, Any]:
        answer = answered(asked, snapshot, question)
        steps = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        return {
            "funnel": [
                {
                    "step": step["step_name"],
                    "count": step["users"],
                    "conversion_rate": _percent(step["conversion_rate"]),
                    "drop_off": _percent(_lost(step["conversion_rate_from_previous"])),
                }
                for step in steps
            ],
            "total_entries": steps[0]["users"] if steps else 0,
            "overall_conversion": _percent(steps[-1]["conversion_rate"]) if steps else None,
        }

    return await asked.answer(work)


@routes.get(
    "/cohort",
    **described(
        {
            "cohorts": [
                {"cohort_date": "2026-W04", "users": 87, "data": [{"period": 0, "percentage": 100.0, "count": 87}]}
            ]
        }
    ),
)
async def cohort(
    asked: OfApp,
    period_type: Annotated[Literal["weekly", "monthly"], Query(description="How long a period is.")] = "weekly",
    periods: Annotated[int, Query(ge=1, le=520, description="How many cohorts, the latest ones.")] = 8,
) -> Response:
    """Who comes back: the latest cohorts by their first activity, a cell for each period since."""
    question = {
        "kind": "retention", "period": PERIODS[period_type], "cohorts": periods, "periods": periods,
        "cohort_rule": "first_time", "app": asked.app,
    }  # fmt: skip

    def work(snapshot: Snapshot) -> dict[str, Any]:
        answer = answered(asked, snapshot, question)
        cohorts: dict[str, dict[str, Any]] = {}
        for row in answer.rows:
            cell = dict(zip(answer.columns, row, strict=True))
            start = date.fromisoformat(cell["cohort_start"])
            found = cohorts.setdefault(
                cell["cohort_start"], {"cohort_date": _label(start, period_type), "users": None, "data": []}
            )
            if cell["period"] == 0:
                found["users"] = cell["users"]
            found["data"].append(
                {"period": cell["period"], "percentage": _percent(cell["rate"]), "count": cell["users"]}
            )
        return {"cohorts": list(cohorts.values())}

    return await asked.answer(work)


def _label(start: date, period_type: str) -> str:
    """`2023-01`, or `2023-W01` by ISO 8601, which a week that begins on Sunday shares with the Monday in it."""
    if period_type == "monthly":
        return f"{start:%Y-%m}"
    year, week, day = start.isocalendar()
    if day == 7:
        year, week, _ = date.fromordinal(start.toordinal() + 1).isocalendar()
    return f"{year}-W{week:02d}"


def _lost(kept: float | None) -> float | None:
    return None if kept is None else 1 - kept


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100


def _no_number(said: str) -> None:
    raise ValueError(f"{said} is no number of JSON")
