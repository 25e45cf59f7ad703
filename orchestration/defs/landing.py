"""What has landed: the asset that all models start from, its checks, and the sensor that starts a build."""

import json
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ingest.collector.landing import LandingFailed, land_leftovers
from ingest.collector.state import is_receiving, protocol_of, read_state, waiting
from ingest.landing.batches import BatchReceipt, list_batches
from orchestration.build import Outcome, current_inputs, read_outcome
from orchestration.checks.landing_batches import SAMPLE_ROWS, batches_to_check, expect_sane
from orchestration.defs.published import build_and_publish
from orchestration.lock import is_locked
from orchestration.settings import home
from serving.publications import list_publications, read_catalog

# the key that dagster-dbt gives to the dbt source landing.events, so that both are one asset
LANDED_EVENTS = dg.AssetKey(["landing", "events"])
COUNTS = ("received", "accepted", "duplicate", "quarantined")
# how long after each failure of the same inputs they are tried again; the last holds for all that follow
AGAIN_AFTER = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240))
AT_WORK = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dg.asset(key=LANDED_EVENTS, group_name="landing", kinds={"parquet"})
def landed_events() -> dg.MaterializeResult[None]:
    """Accepted events in immutable Parquet, one file a batch. `footfall load` and `serve` land them.

    What was received and has not landed, because its server was killed, lands here.
    """
    _land_leftovers(home())
    return dg.MaterializeResult(metadata=landed_metadata(home()))


def _land_leftovers(folder: Path) -> None:
    try:
        land_leftovers(folder)
    except LandingFailed as failed:  # what cannot land stays, and keeps nothing else back
        dg.get_dagster_logger().warning("Received events could not be landed: %s", failed)


def landed_metadata(folder: Path) -> dict[str, Any]:
    """How much has landed in a home."""
    batches = list_batches(folder)
    return {
        "batches": len(batches),
        **{count: sum(getattr(batch, count) for batch in batches) for count in COUNTS},
        "newest batch": batches[-1].batch_id if batches else "none",
        "last batches": dg.MetadataValue.md(_as_markdown(batches[-20:])),
        **_collector_metadata(folder, batches),
    }


def _collector_metadata(folder: Path, batches: list[BatchReceipt]) -> dict[str, Any]:
    """What `footfall serve` has received, refused and landed, and what of it waits; nothing where it never ran."""
    told = read_state(folder)
    if told is None:
        return {}
    answers = [(each["status"], each["requests"]) for each in told["answers"]]
    left = waiting(folder)
    ended = f"ended at {told['ended_at']}" if "ended_at" in told else f"was killed after {told['told_at']}"
    state = "receives" if is_receiving(folder) else ended
    return {
        "collector": f"{state}; events and refusals are counted since {told['started_at']}",
        "collector received": sum(each["received"] for each in told["events"]),
        "collector refused": sum(n for status, n in answers if status >= 400),
        "collector waiting events": left.events,
        "collector waiting files": left.files,
        "collector waiting bytes": left.bytes,
        "collector fault": told["landing_error"] or "none",
        "collector protocols": dg.MetadataValue.md(_protocols(told, batches)),
    }


def _protocols(told: dict[str, Any], batches: list[BatchReceipt]) -> str:
    """A row for each protocol: received and refused since the collector started, landed ever."""
    received, refused, landed = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter)
    for each in told["events"]:
        received[each["protocol"]] += each["received"]
    for each in told["answers"]:
        refused[each["protocol"]] += each["requests"] if each["status"] >= 400 else 0
    for batch in batches:
        if protocol := protocol_of(batch):
            landed[protocol].update({count: getattr(batch, count) for count in COUNTS})
    lines = [
        f"| protocol | received | refused requests | {' | '.join(f'landed ever: {count}' for count in COUNTS)} |",
        f"|---|--:|--:|{'--:|' * len(COUNTS)}",
    ]
    for protocol in sorted({*received, *refused, *landed}):
        counts = " | ".join(f"{landed[protocol][count]:,}" for count in COUNTS)
        lines.append(f"| {protocol} | {received[protocol]:,} | {refused[protocol]:,} | {counts} |")
    return "\n".join(lines)


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
    """Ask for a build when batches have landed that no publication holds; after a failed one, as AGAIN_AFTER says."""
    landed = home()
    _land_leftovers(landed)
    inputs = current_inputs(landed)
    batches = inputs["batches"]
    if batches["count"] == 0:
        return dg.SkipReason(f"Nothing has landed in {landed}.")
    newest = list_publications(landed)[:1]
    if newest and read_catalog(newest[0])["inputs"]["batches"] == batches:
        return dg.SkipReason("All that has landed is published.")
    if _runs(context, dg.DagsterRunStatus.QUEUED):
        return dg.SkipReason("A build already waits, and will take them.")
    now = time.time()
    asked = _Asked.read(context.cursor)
    outcome = read_outcome(landed)
    if asked is None or asked.inputs != inputs:
        asked = _Asked(inputs, 0, now)
        if outcome and outcome.inputs == inputs and outcome.status in ("running", "failed", "interrupted"):
            # the command line has tried these already
            asked = _Asked(inputs, 1, datetime.fromisoformat(outcome.started_at).timestamp())
    if asked.times:
        if _runs(context, *AT_WORK) or is_locked(landed):
            return dg.SkipReason(f"A build is at work; {batches['count']} batches are there.")
        again = asked.again_at(outcome)
        if now < again:
            return dg.SensorResult(skip_reason=_why_not_yet(asked, outcome, again), cursor=asked.as_cursor())
    asked = _Asked(inputs, asked.times + 1, now)
    tags = {
        "footfall/batches": str(batches["count"]),
        "footfall/newest_batch": str(batches["newest"]),
        "footfall/try": str(asked.times),
    }
    # the cursor keeps a request from being made twice; a key of the inputs alone would forbid the second try
    return dg.SensorResult([dg.RunRequest(run_key=f"{batches['digest']} {now}", tags=tags)], cursor=asked.as_cursor())


@dataclass(frozen=True)
class _Asked:
    """What the sensor last asked to be built, how often, and when (seconds since 1970)."""

    inputs: dict[str, Any]
    times: int
    at: float

    @staticmethod
    def read(cursor: str | None) -> "_Asked | None":
        """What a cursor says; None for none, or one that an earlier version left."""
        try:
            return _Asked(**json.loads(cursor or ""))
        except (ValueError, TypeError):
            return None

    def as_cursor(self) -> str:
        return json.dumps(asdict(self))

    def again_at(self, outcome: Outcome | None) -> float:
        """When they are tried again: counted from the end of the build that failed, where that is known."""
        ended = outcome and outcome.finished_at and datetime.fromisoformat(outcome.finished_at).timestamp()
        return max(self.at, ended or 0.0) + AGAIN_AFTER[min(self.times, len(AGAIN_AFTER)) - 1].total_seconds()


def _why_not_yet(asked: _Asked, outcome: Outcome | None, again: float) -> str:
    """What the last build of these inputs failed of, and when the next one is asked for."""
    if outcome is None or outcome.inputs != asked.inputs:
        ended = "The build that was asked for last has not begun; its run says why."
    elif outcome.failures:
        first, more = outcome.failures[0], len(outcome.failures) - 1
        name = first["node"].split(".")[2] if first["node"].count(".") > 1 else first["node"]
        ended = f"The last build failed of {name}: {first['message'][:300]}{f' (and {more} more)' if more else ''}."
    elif outcome.status == "passed":
        ended = "The last build passed, and could not be published."
    else:
        ended = f"The last build is {outcome.status}."
    return (
        f"{ended} These inputs are tried again, for the {asked.times + 1}. time, at "
        f"{datetime.fromtimestamp(again, UTC):%Y-%m-%d %H:%M} UTC; sooner when a batch, a setting, a seed or a model "
        "changes."
    )


def _runs(context: dg.SensorEvaluationContext, *statuses: dg.DagsterRunStatus) -> bool:
    wanted = dg.RunsFilter(job_name=build_and_publish.name, statuses=statuses)
    return context.instance.get_runs_count(wanted) > 0


def _as_markdown(batches: list[BatchReceipt]) -> str:
    lines = ["| batch | source | received | accepted | duplicate | quarantined |", "|---|---|--:|--:|--:|--:|"]
    for batch in batches:
        counts = " | ".join(f"{getattr(batch, count):,}" for count in COUNTS)
        lines.append(f"| {batch.batch_id} | {Path(batch.source.name).name} | {counts} |")
    return "\n".join(lines)
