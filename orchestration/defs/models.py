"""The dbt models as assets, their tests as checks, their groups from the folders that they live in."""

import json
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.build import (
    DBT_BUILD,
    artifacts_dir,
    finish_outcome,
    parsed_manifest,
    prepare_landing,
    start_outcome,
)
from orchestration.lock import build_lock
from orchestration.settings import home

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
            node["meta"] = {**node["meta"], "description": node["description"] or _header(node["raw_code"])}
    return parsed


def _header(sql: str) -> str | None:
    """The comment at the top of a test, which says what a failing row means."""
    lines = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines) or None


manifest = _attach_laws(json.loads(parsed_manifest(home()).read_text()))
translator = Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


@dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="models", pool=WRITER_POOL)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[object]:
    """Build and test the models, while no other process writes in this home."""
    folder = home()
    target = artifacts_dir(folder) / "target"
    with build_lock(folder, f"Dagster run {context.run.run_id}", LOCK_WAIT_SECONDS):
        prepare_landing(folder)
        outcome = start_outcome(folder)
        (target / "run_results.json").unlink(missing_ok=True)
        try:
            yield from dbt.cli(DBT_BUILD, context=context, target_path=target).stream()
        finally:
            finish_outcome(folder, outcome, _results(target), whole=not context.is_subset)


def _results(target: Path) -> list[dict[str, object]]:
    """What dbt wrote about each node; a dbt that died before that counts as one error."""
    try:
        results: list[dict[str, object]] = json.loads((target / "run_results.json").read_text())["results"]
    except FileNotFoundError:
        return [{"unique_id": "dbt", "status": "error", "message": "dbt ended before it wrote its results"}]
    return results
