"""Whatever the description of the API allows or forbids, each route answers as it says: schemathesis finds nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from ingest.collector.keys import Keys
from orchestration.backstage import Workshop
from serving.server import Shared
from tests.serving.api.homes import two_apps
from tests.serving.api.listening import listening

REPOSITORY = Path(__file__).parents[3]
# start long works, which tests/orchestration/test_serve.py does
LEFT_OUT = tuple(f"/api/v1/analytics/{path}" for path in ("etl/run", "privacy/exports", "privacy/erasures"))
EXAMPLES = 16


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    home, project = two_apps(tmp_path_factory.mktemp("described") / "home"), tmp_path_factory.mktemp("project")
    shutil.copytree(REPOSITORY / "seeds", project / "seeds")
    shutil.copy(REPOSITORY / "dbt_project.yml", project)
    _, secret = Keys(home).create("admin", "*")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTFALL_PROJECT_DIR", str(project))
        with listening(Shared.of(home, backstage=Workshop(home))) as url:
            yield schemathesis.openapi.from_url(f"{url}/openapi.json"), {"Authorization": f"Bearer {secret}"}


def test_every_route_keeps_what_its_description_says(described: tuple[Any, dict[str, str]]) -> None:
    schema, headers = described
    # what no JSON Schema can say (an event that nobody sent, a range that ends before it begins) is refused with 422
    config = schema.config.checks
    config.positive_data_acceptance.expected_statuses = ["2xx", "304", "401", "403", "404", "409", "422"]
    config.negative_data_rejection.expected_statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "422"]
    faults, statuses = [], set[int]()
    for operation in (each.ok() for each in schema.get_all_operations()):
        if operation.path in LEFT_OUT:
            continue

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
        def calls(case: Any) -> None:
            statuses.add(case.call_and_validate(headers=headers).status_code)

        try:
            calls()
        except BaseException as fault:
            faults.append(f"{operation.label}: {fault}")
    assert not faults, "\n\n".join(faults)
    assert statuses >= {200, 202, 400, 404, 422}
