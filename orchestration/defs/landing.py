"""What has landed: the asset that all models start from, its checks, and the sensor that starts a build."""

from pathlib import Path

import dagster as dg

from ingest.landing.batches import BatchReceipt, list_batches
from orchestration.build import current_inputs
from orchestration.checks.landing_batches import SAMPLE_ROWS, batches_to_check, expect_sane
from orchestration.defs.published import build_and_publish
from orchestration.settings import home
from serving.publications import list_publications, read_catalog

# the key that dagster-dbt gives to the dbt source landing.events, so that both are one asset
LANDED_EVENTS = dg.AssetKey(["landing", "events"])
COUNTS = ("received", "accepted", "duplicate", "quarantined")


@dg.asset(key=LANDED_EVENTS, group_name="landing", kinds={"parquet"})
def landed_events() -> dg.MaterializeResult[None]:
    """Accepted events in immutable Parquet, one file a batch. `footfall load` lands them; here they are counted."""
    batches = list_batches(home())
    return dg.MaterializeResult(
        metadata={
            "batches": len(batches),
            **{count: sum(getattr(batch, count) for batch in batches) for count in COUNTS},
            "newest batch": batches[-1].batch_id if batches else "none",
            "last batches": dg.MetadataValue.md(_as_markdown(batches[-20:])),
        }
    )


@dg.asset_check(asset=LANDED_EVENTS)
def landed_batches_are_sane() -> dg.AssetCheckResult:
    """Great Expectations on the batches that no build has taken in yet, else on the newest one."""
    landed = home()
    batches = batches_to_check(landed)
    outcome = expect_sane(landed, batches)
    return dg.AssetCheckResult(
        passed=outcome.passed,
        metadata={
            "batches": len(batches),
            "rows in them": outcome.rows,
            "rows looked at": dg.MetadataValue.int(outcome.sampled),
            "sampling": f"all rows up to {SAMPLE_ROWS:,}, else a fixed random sample of so many",
            "expectations met": f"{outcome.met} of {len(outcome.expectations)}",
            "expectations not met": "; ".join(outcome.failed) or "none",
            "expectations": dg.MetadataValue.md(outcome.as_markdown()),
            "last batches": dg.MetadataValue.md(_as_markdown(batches[-20:])),
        },
    )


@dg.asset_check(asset=LANDED_EVENTS)
def nothing_is_lost() -> dg.AssetCheckResult:
    """In every batch received = accepted + duplicate + quarantined; of the newest at most 5 % is quarantined."""
    landed = home()
    batches = list_batches(landed)
    newest = batches_to_check(landed)
    wrong = [b for b in batches if b.received != b.accepted + b.duplicate + b.quarantined]
    share = sum(b.quarantined for b in newest) / max(1, sum(b.received for b in newest))
    return dg.AssetCheckResult(
        passed=not wrong and share <= 0.05,
        severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
        metadata={
            "batches that do not add up": len(wrong),
            "share quarantined in the newest": share,
            "newest": dg.MetadataValue.md(_as_markdown(newest[-20:])),
        },
    )


@dg.sensor(job=build_and_publish, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def landing_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for one build when batches have landed that no publication holds."""
    landed = home()
    batches = current_inputs(landed)["batches"]
    if batches["count"] == 0:
        return dg.SkipReason(f"Nothing has landed in {landed}.")
    if context.cursor == batches["digest"]:
        return dg.SkipReason(f"No batch has landed since the last request; {batches['count']} are there.")
    newest = list_publications(landed)[:1]
    if newest and read_catalog(newest[0])["inputs"]["batches"] == batches:
        return dg.SensorResult(skip_reason="All that has landed is published.", cursor=batches["digest"])
    waiting = dg.RunsFilter(job_name=build_and_publish.name, statuses=[dg.DagsterRunStatus.QUEUED])
    if context.instance.get_runs_count(waiting):
        return dg.SkipReason("A build already waits, and will take them.")
    tags = {"footfall/batches": str(batches["count"]), "footfall/newest_batch": str(batches["newest"])}
    return dg.SensorResult([dg.RunRequest(run_key=batches["digest"], tags=tags)], cursor=batches["digest"])


def _as_markdown(batches: list[BatchReceipt]) -> str:
    lines = ["| batch | source | received | accepted | duplicate | quarantined |", "|---|---|--:|--:|--:|--:|"]
    for batch in batches:
        counts = " | ".join(f"{getattr(batch, count):,}" for count in COUNTS)
        lines.append(f"| {batch.batch_id} | {Path(batch.source.name).name} | {counts} |")
    return "\n".join(lines)
