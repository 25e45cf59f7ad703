"""Feedback: survey answers in, and the net promoter score out."""

# ruff: noqa: S608 - the names of relations are ours; what a request says is bound

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.answers import Table, read_rows
from serving.api.recording import ByWriter, Id, recorded
from serving.api.routes import PAGE, DateFrom, DateTo, Limit, OfApp, Offset, described, published, whose
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/analytics", tags=["feedback"])


class NpsAnswer(BaseModel):
    """What somebody answered to: how likely are you to recommend us?"""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: Id
    score: Annotated[int, Field(ge=0, le=10)]
    comment: Annotated[str, Field(max_length=10_000)] | None = None
    wave: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Which round of asking it belongs to; by default the month in which the person was asked."
    )
    answer_id: Id | None = Field(None, description="Names the answer, so that one that is sent twice counts once.")
    app: Id | None = Field(None, description="Whose answer it is; a write key's is its own.")


@routes.post("/nps", **recorded())
async def record_nps(
    writer: ByWriter,
    answer: Annotated[NpsAnswer, Body(examples=[{"user_id": "u-17", "score": 9, "comment": "Quick and clear."}])],
) -> Response:
    """Take an answer: an event, on disk before it is acknowledged, and in `GET /analytics/nps` after the next build."""
    properties: dict[str, Any] = {"survey": "nps", "score": answer.score}
    properties |= {name: value for name in ("comment", "wave") if (value := getattr(answer, name)) is not None}
    event = {"event_name": "nps_answered", "user_id": answer.user_id, "properties": properties}
    return await writer.record(writer.app_of(answer.app), event, answer.answer_id and f"nps:{answer.answer_id}")


@routes.get(
    "/nps",
    **described(
        None,
        tables=True,
        item={"period": "month", "period_start": "2026-01-01", "segment": "all", "segment_value": "all",
              "answers": 212, "promoters": 130, "passives": 50, "detractors": 32, "nps": 46.2, "nps_low": 39.0,
              "nps_high": 53.4, "is_complete": True},
    ),
)  # fmt: skip
async def nps(
    asked: OfApp,
    period: Annotated[Literal["month", "wave"], Query(description="By month, or by the waves of asking.")] = "month",
    segment: Annotated[
        Literal["all", "app", "country", "device_type", "channel"] | None,
        Query(description="What it is told apart by; of one app by nothing else."),
    ] = None,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    limit: Limit = PAGE,
    offset: Offset = 0,
) -> Response:
    """The net promoter score with its 95 % interval, a row a period."""

    def work(snapshot: Snapshot) -> Table:
        sql = (
            f"select * from {published(snapshot, 'fct_nps')} where period = $period and segment = $segment "
            "and ($date_from::date is null or period_start >= $date_from) "
            "and ($date_to::date is null or period_start <= $date_to) "
            "order by period_start, wave, segment_value"
        )
        shown = segment or whose(asked.app)["segment"]
        values = {"period": period, "segment": shown, "date_from": date_from, "date_to": date_to}
        return read_rows(snapshot, sql, values, limit, offset)

    return await asked.answer(work)
