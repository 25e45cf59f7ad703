"""What readers see: the last asset, the job that leads to it, and its daily schedule."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.build import publish
from orchestration.defs.models import LOCK_WAIT_SECONDS, WRITER_POOL, manifest, translator
from orchestration.settings import home
from serving.publications import list_publications, read_catalog

PUBLISHED_MARTS = dg.AssetKey(["published", "marts"])


def _published_models() -> list[dg.AssetKey]:
    nodes = manifest["nodes"].items()
    wanted = [key for key, node in nodes if node["config"].get("meta", {}).get("publish")]
    return [translator.get_asset_spec(manifest, key, None).key for key in wanted]


@dg.asset(
    key=PUBLISHED_MARTS,
    group_name="published",
    kinds={"duckdb", "parquet"},
    deps=_published_models(),
    pool=WRITER_POOL,
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=49), warn_window=timedelta(hours=25)),
)
def published_marts() -> dg.MaterializeResult[None]:
    """The marts that readers open: `published/marts.duckdb`, replaced in one step after every test has passed."""
    return dg.MaterializeResult(metadata=published_metadata(home(), publish(wait_seconds=LOCK_WAIT_SECONDS)))


def published_metadata(folder: Path, publication: Path) -> dict[str, Any]:
    """What a publication of a home holds, read from its catalog."""
    catalog = read_catalog(publication)
    lines = ["| relation | kind | rows | one row is |", "|---|---|--:|---|"]
    for name, relation in catalog["relations"].items():
        if relation["is_internal"]:
            continue
        rows = "" if relation["rows"] is None else f"{relation['rows']:,}"
        lines.append(f"| {name} | {relation['kind']} | {rows} | {relation['grain']} |")
    return {
        "publication": publication.name,
        "marts": dg.MetadataValue.path(folder / "published" / "marts.duckdb"),
        "batches": catalog["inputs"]["batches"]["count"],
        "checks passed": catalog["checks"]["passed"],
        "publications kept": len(list_publications(folder)),
        "relations": dg.MetadataValue.md("\n".join(lines)),
    }


build_and_publish = dg.define_asset_job(
    "build_and_publish",
    # what is sent on waits for other products, and readers of marts for none of them
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("forwarded"),
    description="Count what has landed, check it, build and test the models, publish them.",
    executor_def=dg.in_process_executor,
)

daily = dg.ScheduleDefinition(
    name="daily",
    job=build_and_publish,
    cron_schedule="0 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 00:00 UTC.",
)
