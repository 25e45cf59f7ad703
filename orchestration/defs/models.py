"""The dbt models as assets, their tests as checks, their groups from the folders that they live in."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.build import (
    DBT_BUILD,
    artifacts_dir,
    finish_outcome,
    only_what_can_have_changed,
    parsed_manifest,
    prepare_landing,
    start_outcome,
)
from orchestration.defs.failures import told_of
from orchestration.failures import as_text, header
from orchestration.lock import build_lock
from orchestration.settings import home, project_dir

WRITER_POOL = "warehouse_writer"
LOCK_WAIT_SECONDS = 3600.0


class Translator(DagsterDbtTranslator):
    """Groups as dbt has them; what is in no group of dbt's stands by its kind, as seeds do."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The group of a dbt resource."""
        return super().get_group_name(dbt_resource_props) or f"{dbt_resource_props['resource_type']}s"


def _attach_laws(parsed: dict[str, Any]) -> dict[str, Any]:
    """Let a test that reads several models be a check of the one built last, since Dagster wants one model for each."""
    ancestors: dict[str, set[str]] = {}

    def above(key: str) -> set[str]:
        if key not in ancestors:
            parents = parsed["parent_map"].get(key, [])
            ancestors[key] = set(parents).union(*(above(parent) for parent in parents))
        return ancestors[key]

    for key, node in parsed["nodes"].items():
        models = [parent for parent in parsed["parent_map"].get(key, []) if parent in parsed["nodes"]]
        if node["resource_type"] == "test" and not node.get("attached_node") and models:
            last = max(models, key=lambda parent: (len(above(parent)), parent))
            node["config"]["meta"] = {"dagster": {"ref": {"name": parsed["nodes"][last]["name"]}}}
        if node["resource_type"] == "test":
            node["meta"] = {**node["meta"], "description": node["description"] or header(node["raw_code"])}
    return parsed


manifest = _attach_laws(json.loads(parsed_manifest(home()).read_text()))
translator = Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


@dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="models", pool=WRITER_POOL)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[object]:
    """Build and test the models, while no other process writes in this home."""
    folder = home()
    target = artifacts_dir(folder) / "target"
    with build_lock(folder, by := f"Dagster run {context.run.run_id}", LOCK_WAIT_SECONDS):
        prepare_landing(folder)
        outcome = start_outcome(folder, by)
        (target / "run_results.json").unlink(missing_ok=True)
        failed_checks: list[dg.AssetCheckResult] = []
        try:
            with only_what_can_have_changed():
                invocation = dbt.cli(DBT_BUILD, context=context, target_path=target, raise_on_error=False)
            for event in invocation.stream():
                if isinstance(event, dg.AssetCheckResult) and not event.passed:
                    failed_checks.append(event)  # its rows can be looked at when dbt has closed the warehouse
                else:
                    yield event
        finally:
            results = _results(target)
            finish_outcome(folder, outcome, results, whole=not context.is_subset)
        failures = {failure["node"]: failure for failure in outcome.failures}
        for check in failed_checks:
            failure = failures.get(str(check.metadata["unique_id"].value))
            yield dg.AssetCheckResult(
                passed=False,
                asset_key=check.asset_key,
                check_name=check.check_name,
                severity=check.severity,
                metadata={**check.metadata, **(told_of(failure) if failure else {})},
            )
    if failures:
        text = as_text(outcome.failures, len(results), folder, project_dir(), target / "dbt.log")
        first = next(iter(failures.values()))
        raise dg.Failure(text, metadata={"failed first": first["node"], **told_of(first)}, allow_retries=False)


def _results(target: Path) -> list[dict[str, object]]:
    """What dbt wrote about each node; a dbt that died before that counts as one error."""
    try:
        results: list[dict[str, object]] = json.loads((target / "run_results.json").read_text())["results"]
    except FileNotFoundError:
        return [{"unique_id": "dbt", "status": "error", "message": "dbt ended before it wrote its results"}]
    return results
