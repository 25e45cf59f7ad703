"""What is sent on to other products: the asset beside the marts, its job, and the sensor that runs it after landing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from forwarding.forwarder import AlreadyForwarding, Forwarder, forwarders
from orchestration.defs.landing import AT_WORK, LANDED_EVENTS
from orchestration.settings import home

FORWARDED_EVENTS = dg.AssetKey(["forwarded", "events"])
# how long after a run that left something the next one tries
AGAIN_AFTER = timedelta(minutes=5)


@dg.asset(key=FORWARDED_EVENTS, group_name="forwarded", deps=[LANDED_EVENTS])
def forwarded_events() -> dg.MaterializeResult[None]:
    """Landed events at every destination that has a key, each at least once, as `footfall forward` sends them.

    Nothing is sent while no destination has one.
    """
    folder = home()
    senders = forwarders(folder).values()
    with ThreadPoolExecutor(max(1, len(senders))) as threads:
        faults = [fault for fault in threads.map(_fault_of, senders) if fault]
    told = forwarded_metadata(folder)
    if faults:
        raise dg.Failure("\n".join(faults), metadata=told, allow_retries=False)
    return dg.MaterializeResult(metadata=told)


def _fault_of(sender: Forwarder) -> str | None:
    """Send what waits for a destination; return why something was left, None where nothing was."""
    try:
        return sender.forward().fault
    except AlreadyForwarding as other:  # which leaves nothing either
        dg.get_dagster_logger().info(str(other))
        return None


def forwarded_metadata(folder: Path) -> dict[str, Any]:
    """How far each destination of a home has come."""
    lines = ["| destination | sent | dead letters | waiting | last sent | fault |", "|---|--:|--:|--:|---|---|"]
    last, sent, dead, waiting = "", 0, 0, 0
    for name, sender in forwarders(folder).items():
        progress, letters, left = sender.records.read(), len(sender.records.dead()), sender.waiting()
        last = max(last, progress.last_sent_at or "")
        sent, dead, waiting = sent + progress.sent, dead + letters, waiting + left
        told = f"{progress.last_sent_at or 'never'} | {progress.fault or 'none'}"
        lines.append(f"| {name} | {progress.sent:,} | {letters:,} | {left:,} | {told} |")
    return {
        "sent": sent,
        "dead letters": dead,
        "waiting": waiting,
        "last sent": last or "never",
        "destinations": dg.MetadataValue.md("\n".join(lines)),
    }


forward = dg.define_asset_job(
    "forward",
    selection=dg.AssetSelection.assets(FORWARDED_EVENTS),
    description="Send landed events on to the destinations that have a key.",
    executor_def=dg.in_process_executor,
)


@dg.sensor(job=forward, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def forwarding_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when landed events wait for a destination; after one that left some, not before AGAIN_AFTER."""
    senders = forwarders(home())
    if not senders:
        return dg.SkipReason("No destination has a key, so that nothing is sent on: see docs/forwarding.md.")
    if not any(sender.waiting() for sender in senders.values()):
        return dg.SkipReason("All that has landed is sent on.")
    last = next(iter(context.instance.get_run_records(dg.RunsFilter(job_name=forward.name), limit=1)), None)
    if last and last.dagster_run.status in (dg.DagsterRunStatus.QUEUED, *AT_WORK):
        return dg.SkipReason("A run is at it.")
    if last and last.dagster_run.status is dg.DagsterRunStatus.FAILURE:
        again = datetime.fromtimestamp(last.end_time or 0, UTC) + AGAIN_AFTER
        if datetime.now(UTC) < again:
            return dg.SkipReason(f"The last run left events, and says why. They are tried again at {again:%H:%M} UTC.")
    return dg.RunRequest()
