"""Experiments: define, assign, convert, and read the results, as `footfall experiment` does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ingest.experiments import Experiment, ExperimentError, SplitChangedError
from ingest.experiments.assigning import FIELDS, conversion_event
from serving.api.answers import JSON, dumps
from serving.api.problems import Problem
from serving.api.recording import ByWriter, Id, Recorder, recorded
from serving.api.routes import ByAdmin, OfApp, described, published
from serving.experiments import HEALTH, RESULTS, results_of
from serving.server import CannotStart
from serving.snapshots import Snapshot

routes = APIRouter(prefix="/analytics/ab-tests", tags=["experiments"])
Key = Annotated[str, Path(description="The key of the experiment.", examples=["pricing_page"])]
MEND = "`footfall experiment show KEY` prints a whole definition as it may be sent here."


class AbTest(BaseModel):
    """A test in the words of the guides; its first variant is the control, its metric who converts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    test_name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.-]+$")]
    variants: Annotated[list[str], Field(min_length=2, max_length=50)]
    traffic_split: list[int] | dict[str, int] | None = Field(
        None, description="Each variant's part of the traffic, whole numbers; by default they are alike."
    )
    app: str | None = Field(None, description="The app that it is of; by default the server's.")

    def definition(self, app: str) -> dict[str, Any]:
        """The same in the words of `footfall experiment define`."""
        split = self.traffic_split or [1] * len(self.variants)
        if isinstance(split, list):
            split = dict(zip(self.variants, split, strict=False)) if len(split) == len(self.variants) else {}
        if split.keys() != set(self.variants):
            raise Problem(
                422,
                "`traffic_split` does not have one part for each variant.",
                "Send as many as variants.",
                "traffic_split",
            )
        return {
            "experiment": self.test_name,
            "app": self.app or app,
            "start_date": datetime.now(UTC).date().isoformat(),
            "variants": [
                {"variant": name, "weight": split[name], "is_control": place == 0}
                for place, name in enumerate(self.variants)
            ],
            "metrics": [
                {
                    "metric": "converted", "kind": "conversion", "numerator": conversion_event(self.test_name),
                    "is_primary": True,
                }
            ],
        }  # fmt: skip


class Conversion(BaseModel):
    """Somebody did what the test is about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    test_id: Annotated[str, Field(min_length=1, max_length=200)]
    user_id: Id
    value: float | None = Field(None, allow_inf_nan=False, description="What it was worth, as the property `value`.")


CREATED = {
    "test_id": "pricing_page",
    "is_new": True,
    "variants": [{"variant": "control", "weight": 1, "is_control": True}],
}


@routes.post("", **described(CREATED, reads=False, statuses=(400, 409, 503)))
async def create(
    asked: ByAdmin,
    spec: Annotated[
        AbTest | dict[str, Any],
        Body(
            examples=[{"test_name": "pricing_page", "variants": ["control", "yearly_first"], "traffic_split": [50, 50]}]
        ),
    ],
) -> Response:
    """Define an experiment: in the guides' words, or whole as `footfall experiment define --file` takes it."""
    if not isinstance(spec, AbTest) and "test_name" in spec:
        spec = _in_the_guides_words(spec)
    definition = spec.definition(asked.shared.app) if isinstance(spec, AbTest) else spec
    try:
        experiment, is_new = await run_in_threadpool(asked.backstage.define_experiment, definition)
    except ExperimentError as error:
        status = 409 if isinstance(error, SplitChangedError) else 422
        raise Problem(status, " ".join(str(error).split()), MEND) from None
    except CannotStart as error:
        raise Problem(409, str(error), "Send it again when it has ended.") from None
    variants = [variant.model_dump() for variant in experiment.variants]
    told = {"test_id": experiment.experiment, "is_new": is_new, "variants": variants}
    return Response(dumps(told), media_type=JSON)


def _in_the_guides_words(spec: dict[str, Any]) -> AbTest:
    """A test in the guides' words; raise for what is wrong in these, and not for what a whole definition lacks."""
    try:
        return AbTest.model_validate(spec)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None


@routes.get(
    "/{test_id}/variant",
    **described(
        {"test_id": "pricing_page", "user_id": "u-17", "variant": "yearly_first"}, reads=False, statuses=(404, 503)
    ),
)
async def variant(
    writer: ByWriter,
    test_id: Key,
    user_id: Annotated[Id, Query(description="The unit's id, letter for letter: of a user, a device or an account.")],
) -> Response:
    """The variant of a unit, always the same, and null where it takes no part; its exposure is recorded once."""
    experiment = _running(writer, test_id)
    app = writer.app_of(None, experiment.app)
    found = await writer.shared.collector.experiments.exposed(app, experiment, user_id)
    return Response(dumps({"test_id": test_id, "user_id": user_id, "variant": found}), media_type=JSON)


@routes.post("/results", **recorded())
async def convert(
    writer: ByWriter,
    conversion: Annotated[Conversion, Body(examples=[{"test_id": "pricing_page", "user_id": "u-17", "value": 9.5}])],
) -> Response:
    """Record that somebody converted: the event that a test made here counts."""
    experiment = _running(writer, conversion.test_id)
    properties: dict[str, Any] = {"experiment": experiment.experiment}
    if conversion.value is not None:
        properties["value"] = conversion.value
    unit = {FIELDS[experiment.unit]: conversion.user_id}
    event = {"event_name": conversion_event(experiment.experiment), **unit, "properties": properties}
    return await writer.record(writer.app_of(None, experiment.app), event)


def _running(writer: Recorder, key: str) -> Experiment:
    found = writer.shared.collector.experiments.of(key)
    if found is None or writer.writer.app not in (None, found.app):
        raise Problem(404, f"There is no test {key!r}.", "`POST /analytics/ab-tests` makes one.", "test_id")
    return found


RESULT = {
    "metric": "converted",
    "variant": "yearly_first",
    "units": 588,
    "value": 0.124,
    "improvement_percent": 18.9,
    "is_primary": True,
    "is_winner": False,
}


@routes.get(
    "/{test_id}/results",
    **described(
        {
            "test_id": "pricing_page",
            "status": "running",
            "winner": "yearly_first",
            "improvement_percent": 18.9,
            "interval": [-3.1, 44.0],
            "is_valid": True,
            "srm": {"chi_square": 0.02, "degrees_of_freedom": 1, "p_value": 0.88},
            "results": [RESULT],
            "health": {"exposed_units": 1173},
        }
    ),
)
async def results(asked: OfApp, test_id: Key) -> Response:
    """Who wins and by how much, by the primary metric; a row a metric and variant, and whether the sample is sound."""

    def work(snapshot: Snapshot) -> dict[str, Any]:
        for relation in (RESULTS, HEALTH):
            published(snapshot, relation)
        told = results_of(snapshot, test_id)
        if told is None:
            fault = f"There are no results of a test {test_id!r}."
            raise Problem(404, fault, "They come with the next build after it is defined.", "test_id")
        return told

    return await asked.answer(work)
