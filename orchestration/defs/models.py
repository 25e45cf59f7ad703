"""The dbt models as assets, their tests as checks, their groups from the folders that they live in."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.build import artifacts_dir, finish_outcome, parsed_manifest, prepare_landing, start_outcome
from orchestration.lock import build_lock
from orchestration.settings import home, project_dir

WRITER_POOL = "warehouse_writer"
LOCK_WAIT_SECONDS = 3600.0

manifest = json.loads(parsed_manifest(home()).read_text())
translator = DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


@dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="models", pool=WRITER_POOL)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[object]:
    """Build and test the models, while no other process writes in this home."""
    folder = home()
    target = artifacts_dir(folder) / "target"
    with build_lock(folder, f"Dagster run {context.run_id}", LOCK_WAIT_SECONDS):
        prepare_landing(folder)
        outcome = start_outcome(folder)
        (target / "run_results.json").unlink(missing_ok=True)
        try:
            yield from dbt.cli(["build"], context=context, target_path=target).stream()
        finally:
            finish_outcome(folder, outcome, _results(target), whole=not context.is_subset)


@dg.definitions
def resources() -> dg.Definitions:
    """How dbt is called: the one beside this Python, on the bundled project and profile."""
    dbt = DbtCliResource(
        project_dir=str(project_dir()),
        profiles_dir=str(project_dir() / "profiles"),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )
    return dg.Definitions(resources={"dbt": dbt}, executor=dg.in_process_executor)


def _results(target: Path) -> list[dict[str, object]]:
    """What dbt wrote about each node; a dbt that died before that counts as one error."""
    try:
        results: list[dict[str, object]] = json.loads((target / "run_results.json").read_text())["results"]
    except FileNotFoundError:
        return [{"unique_id": "dbt", "status": "error", "message": "dbt ended before it wrote its results"}]
    return results
