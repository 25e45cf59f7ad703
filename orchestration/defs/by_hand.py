"""What happened outside Dagster, told to it: loads, builds, publications and forwarding by the command line.

The command line writes nothing for this and never waits: all is read off the home, at the next tick of a sensor.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from orchestration.build import COMMAND, Outcome, artifacts_dir, is_up_to_date, read_outcome
from orchestration.defs.failures import told_of
from orchestration.defs.forwarded import FORWARDED_EVENTS, forwarded_metadata
from orchestration.defs.landing import LANDED_EVENTS, landed_metadata
from orchestration.defs.models import manifest, translator
from orchestration.defs.published import PUBLISHED_MARTS, published_metadata
from orchestration.settings import home
from serving.publications import current_publication, read_catalog

Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dg.sensor(minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def command_line_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Show what the command line has landed, built, published and sent on since the last look, with rows and checks."""
    folder = home()
    known: dict[str, Any] = json.loads(context.cursor or "{}")
    events: list[Event] = []
    landed = landed_metadata(folder)
    if landed["batches"] and _latest(context.instance, LANDED_EVENTS, "newest batch") != landed["newest batch"]:
        events.append(dg.AssetMaterialization(LANDED_EVENTS, metadata=landed))
    outcome = read_outcome(folder)
    if outcome and outcome.by == COMMAND and outcome.finished_at and known.get("build") != outcome.started_at:
        events += _events_of_build(folder, outcome)
        known["build"] = outcome.started_at
    publication = current_publication(folder)
    if publication and _latest(context.instance, PUBLISHED_MARTS, "publication") != publication.name:
        events.append(dg.AssetMaterialization(PUBLISHED_MARTS, metadata=published_metadata(folder, publication)))
    forwarded = forwarded_metadata(folder)
    if forwarded["sent"] and _latest(context.instance, FORWARDED_EVENTS, "last sent") != forwarded["last sent"]:
        events.append(dg.AssetMaterialization(FORWARDED_EVENTS, metadata=forwarded))
    checks = sum(isinstance(event, dg.AssetCheckEvaluation) for event in events)
    told = f"Told of {len(events) - checks} assets and {checks} checks." if events else "Nothing new."
    return dg.SensorResult(skip_reason=told, cursor=json.dumps(known), asset_events=events)


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey, name: str) -> object:
    """One entry of the metadata that an asset was last materialized with."""
    event = instance.get_latest_materialization_event(key)
    found = event.asset_materialization if event else None
    return found.metadata[name].value if found and name in found.metadata else None


def _events_of_build(folder: Path, outcome: Outcome) -> Iterator[Event]:
    """A materialization for each model and seed that was built, an observation for each that was up to date, an
    evaluation for each test: one that was left out has held over what its relations are.
    """
    told = json.loads((artifacts_dir(folder) / "target" / "run_results.json").read_text())
    if datetime.fromisoformat(told["metadata"]["generated_at"]) < datetime.fromisoformat(outcome.started_at):
        return  # dbt died before it wrote anything about this build
    rows = _rows(folder, outcome)
    failures = {failure["node"]: failure for failure in outcome.failures}
    for result in told["results"]:
        node = manifest["nodes"].get(result["unique_id"])
        if node is None:
            continue
        facts: dict[str, Any] = {
            "built by": outcome.by,
            "built at": dg.MetadataValue.timestamp(datetime.fromisoformat(outcome.finished_at or outcome.started_at)),
            "seconds": float(result["execution_time"]),
        }
        if node["resource_type"] == "test":
            check = get_asset_check_key_for_test(manifest, translator, result["unique_id"], None)
            if check and result["status"] in ("pass", "fail", "warn", "error"):
                failure = failures.get(result["unique_id"])
                yield dg.AssetCheckEvaluation(
                    asset_key=check.asset_key,
                    check_name=check.name,
                    passed=result["status"] == "pass",
                    severity=dg.AssetCheckSeverity.WARN if result["status"] == "warn" else dg.AssetCheckSeverity.ERROR,
                    metadata={
                        **facts,
                        "failing rows": int(result["failures"] or 0),
                        "message": str(result["message"] or "none"),
                        **(told_of(failure) if failure else {}),
                    },
                )
        elif is_up_to_date(result) or result["status"] == "success":
            count = rows.get(node["name"])
            key = translator.get_asset_spec(manifest, result["unique_id"], None).key
            facts |= {} if count is None else {"dagster/row_count": int(count)}
            if is_up_to_date(result):
                yield dg.AssetObservation(key, metadata=facts | {"up to date": True})
            else:
                yield dg.AssetMaterialization(key, metadata=facts)


def _rows(folder: Path, outcome: Outcome) -> dict[str, int | None]:
    """How many rows each relation has that was published of this build."""
    publication = current_publication(folder)
    catalog = read_catalog(publication) if publication else None
    if catalog is None or catalog["built_at"] != outcome.finished_at:
        return {}
    return {name: relation["rows"] for name, relation in catalog["relations"].items()}
