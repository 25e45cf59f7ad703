"""What a person may ask for: all that is held of them, and to be forgotten. Both are long works, for an admin."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from serving.api.answers import JSON, dumps
from serving.api.problems import Problem
from serving.api.recording import Id
from serving.api.routes import ByAdmin, accepted, described
from serving.api.running import BASE, RUN_EXAMPLE, started

routes = APIRouter(tags=["privacy"])
ZIP = "application/zip"
FIELD = {"name": "person_id", "type": "string", "description": "The person."}
TABLE = {
    "name": "dim_persons",
    "description": "One row per person.",
    "rows": 1,
    "schema": {"fields": [FIELD]},
    "data": [{"person_id": "u1"}],
}
HELD = {"name": "all-that-is-held-of-a-person", "created": "2026-01-31T06:45:00+00:00", "resources": [TABLE]}


class PersonSpec(BaseModel):
    """Who it is, by one id or more."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_ids: list[Id] = Field(default_factory=list, max_length=1000)
    anonymous_ids: list[Id] = Field(default_factory=list, max_length=1000)

    @model_validator(mode="after")
    def _is_somebody(self) -> PersonSpec:
        if not self.user_ids and not self.anonymous_ids:
            raise ValueError("name a person by `user_ids` or `anonymous_ids`")
        return self


Person = Annotated[PersonSpec, Body(examples=[{"user_ids": ["u1"]}])]


@routes.post(f"{BASE}/privacy/exports", **accepted(described(RUN_EXAMPLE, reads=False, statuses=(400, 409, 503))))
async def export_person(asked: ByAdmin, person: Person) -> Response:
    """Gather all that is held of a person, in a process of its own."""
    return await run_in_threadpool(started, asked, "export", person.model_dump())


@routes.get(f"{BASE}/privacy/exports/{{run_id}}", **described(HELD, reads=False, statuses=(404, 409, 503)))
def exported_person(
    request: Request, asked: ByAdmin, run_id: Annotated[str, Path(description="What starting it returned.")]
) -> Response:
    """What was gathered: each table with what it means and its rows; with `Accept: application/zip` as files."""
    run = asked.backstage.run(run_id)
    if run is None or run.kind != "export":
        raise Problem(404, f"There is no export {run_id!r}.", f"`POST {BASE}/privacy/exports` starts one.", "run_id")
    if run.status != "succeeded":
        told = f"`GET {BASE}/etl/runs/{run_id}` tells of it."
        raise Problem(409, f"Export {run_id!r} {'is at work' if run.status == 'running' else 'has failed'}.", told)
    folder = asked.shared.home / run.result["folder"]
    if not (folder / "datapackage.json").is_file():
        raise Problem(404, f"Export {run_id!r} is gone.", f"`POST {BASE}/privacy/exports` starts another.", "run_id")
    if ZIP in request.headers.get("accept", ""):
        return Response(_zipped(folder), media_type=ZIP)
    package = json.loads((folder / "datapackage.json").read_text())
    for table in package["resources"]:
        table["data"] = json.loads((folder / table.pop("json")).read_text())
        del table["path"]
    return Response(dumps(package), media_type=JSON)


@routes.post(f"{BASE}/privacy/erasures", **accepted(described(RUN_EXAMPLE, reads=False, statuses=(400, 409, 503))))
async def erase_person(asked: ByAdmin, person: Person) -> Response:
    """Forget a person, in a process of its own; what its run leaves is the receipt."""
    return await run_in_threadpool(started, asked, "erase", person.model_dump())


def _zipped(folder: Folder) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        for file in sorted(folder.iterdir()):
            written.write(file, file.name)
    return packed.getvalue()
