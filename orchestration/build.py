"""Build and publish one home: the steps that the command line and Dagster share."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.landing.taking_back import carry_out
from orchestration.failures import Failure, as_text, explained, full_disk, is_disk_full
from orchestration.lock import build_lock
from orchestration.settings import changed_settings, metric_settings, project_dir, project_fingerprint, settings
from orchestration.settings import home as enter
from orchestration.states import ONLY_CHANGED, REASON, UNKNOWN, UP_TO_DATE, Forecast, States, kind_of
from serving.publications import (
    LAYOUT,
    current_publication,
    drop_unfinished,
    list_publications,
    published_dir,
    read_catalog,
)

Progress = Callable[[int, int, str], None]
WAREHOUSE_TARGET = "duckdb"  # of profiles/profiles.yml
# unit tests pin the code, not the data: they run with `make test` and plain `dbt build`
DBT_BUILD = ("build", "--exclude-resource-type", "unit_test", "--no-use-colors")
# by which a home knows that a build was no run of Dagster's
COMMAND = "footfall build"


class BuildError(Exception):
    """A build did not pass; nothing was published."""


class NotPassedError(Exception):
    """The warehouse was not left by a build that passed all its tests, so it is not published."""


@dataclass
class Outcome:
    """What the last build left: written when it starts, and again when it ends.

    Attributes:
        status: `running`, `passed`, `failed`, `interrupted`, or `partial` when only some nodes were asked for; a killed
            build stays `running`.
        by: what ran it, such as "footfall build".
        inputs: landing batches, project fingerprint and settings that it was built from.
        warehouse: size in bytes and modification time in nanoseconds of the file it left.
    """

    status: str
    started_at: str
    finished_at: str | None = None
    by: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    passed_checks: int = 0
    warehouse: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class BuildReport:
    """What `build` did: the publication that readers now see, and whether anything had to be done for it.

    Attributes:
        left_over: how many events this build landed first, which a server had received and, being killed, left.
        nodes: the models, seeds and tests of the build.
        why: of those that ran, how many for each reason, the most frequent first.
    """

    publication: Path
    nothing_new: bool
    left_over: int = 0
    nodes: int = 0
    why: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    changed_settings: tuple[dict[str, Any], ...] = ()

    @property
    def ran(self) -> int:
        """How many nodes ran; the others were up to date."""
        return sum(self.why.values())


def artifacts_dir(home: Path) -> Path:
    """Where dbt writes manifest, compiled SQL and logs of a home; two homes never share them."""
    return home / "dbt"


def build(
    home: Path | None = None,
    full_refresh: bool = False,
    engine: str = "duckdb",
    progress: Progress | None = None,
    wait_seconds: float = 0.0,
) -> BuildReport:
    """Run dbt build, then publish when every test has passed.

    Args:
        home: the folder of all state; by default that of the settings.
        full_refresh: build every table whole.
        engine: `duckdb`.
        progress: called with (finished nodes, all nodes, the name of the last one).
        wait_seconds: how long to wait for another build of this home.

    Raises:
        BuildError: naming the nodes that failed, why, and where to see more.
        orchestration.lock.HomeIsBusyError: when another process writes in this home.
    """
    if engine != "duckdb":
        raise BuildError(f"Engine {engine!r} is not available yet. Leave --engine out, or say duckdb.")
    home = enter(home)
    with build_lock(home, COMMAND, wait_seconds), _a_full_disk_explained(home):
        carry_out(home)
        left_over, warnings = _land_leftovers(home)
        published = nothing_new(home)
        if published and not full_refresh:
            return BuildReport(published, True, left_over, warnings=warnings)
        changed = tuple(changed_since_published(home))
        prepare_landing(home)
        outcome = start_outcome(home, COMMAND)
        results = _run_dbt(home, outcome, full_refresh, progress)
        publication = _publish(home, outcome)
        nodes = [result for result in results if not result["unique_id"].startswith("operation.")]
        why = Counter(kind_of(result["adapter_response"].get(REASON)) for result in nodes if not is_up_to_date(result))
        kinds, warnings = dict(why.most_common()), (*warnings, *outcome.warnings)
        return BuildReport(publication, False, left_over, len(nodes), kinds, warnings, changed)


def explain(home: Path | None = None) -> list[Forecast]:
    """What a build would do with each node and why, without building.

    Raises:
        BuildError: when dbt cannot read the project.
        orchestration.lock.HomeIsBusyError: when another process writes in this home.
    """
    import duckdb
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    home = enter(home)
    with build_lock(home, "footfall build --explain"):
        prepare_landing(home)
        parsed = dbtRunner().invoke(["parse", *dbt_arguments(home), "--no-write-json", "--log-level", "none"])
        if not isinstance(parsed.result, Manifest):
            raise BuildError(f"dbt cannot read the project: {' '.join(str(parsed.exception).split())}")
        before, warehouse = read_outcome(home), home / "warehouse.duckdb"
        if before is None or before.warehouse != _stamp(home) or not _has_states(warehouse):
            return [Forecast(node, "runs", UNKNOWN) for node in parsed.result.nodes]
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            values = metric_settings(project_dir(), home)
            return States(parsed.result, connection, values, str(home), landed_now=True).forecast()


def publish(home: Path | None = None, wait_seconds: float = 0.0) -> Path:
    """Publish the warehouse that the last build left.

    Raises:
        NotPassedError: when that build did not pass, or the warehouse has changed since.
    """
    home = enter(home)
    with build_lock(home, "footfall publish", wait_seconds), _a_full_disk_explained(home):
        outcome = read_outcome(home)
        if outcome is None:
            raise NotPassedError(f"Nothing has been built in {home}. Run `footfall build`.")
        if outcome.status != "passed":
            raise NotPassedError(
                f"The last build, started {outcome.started_at}, is {outcome.status}; only one that passed every test "
                "is published. Run `footfall build`."
            )
        if outcome.inputs["published"] != str(published_dir(home)):
            raise NotPassedError(
                f"The home was built in {Path(outcome.inputs['published']).parent}, and now lies in {home}. "
                "Run `footfall build`, which publishes it anew."
            )
        if outcome.warehouse != _stamp(home):
            raise NotPassedError(
                f"{home / 'warehouse.duckdb'} was changed after the last build, perhaps by a plain `dbt build`. "
                "Run `footfall build`, which tests and publishes it."
            )
        return _publish(home, outcome)


def roll_back(home: Path | None = None, publication_id: str | None = None) -> Path:
    """Show an earlier publication again; the next build publishes forward.

    Raises:
        serving.publications.NothingPublishedError: when there is no such publication.
    """
    from serving import publications

    home = enter(home)
    with build_lock(home, "footfall publish --rollback"):
        return publications.roll_back(home, publication_id)


def changed_since_published(home: Path) -> list[dict[str, Any]]:
    """The settings of which readers see another value than a build would use now; none while nothing is published."""
    publication = current_publication(home)
    if publication is None:
        return []
    return changed_settings(read_catalog(publication)["inputs"].get("settings", {}), home, project_dir())


def nothing_new(home: Path) -> Path | None:
    """The newest publication, when readers see it and another build from the same inputs would make the same one."""
    publication = current_publication(home)
    if publication is None or list_publications(home)[:1] != [publication] or must_forget(home).exists():
        return None
    catalog = read_catalog(publication)
    return publication if catalog.get("layout") == LAYOUT and catalog["inputs"] == current_inputs(home) else None


def current_inputs(home: Path) -> dict[str, Any]:
    """All that decides what a build makes now: batches of events, project files, settings, and where the files lie.

    A batch of which nothing was accepted is none: it changes no mart.
    """
    landing = home / "landing"
    committed = {path.stem for path in landing.glob("batches/[0-9]*.json")}
    return _inputs(home, committed & {path.stem for path in landing.glob("events/*/*.parquet")})


def start_outcome(home: Path, by: str) -> Outcome:
    """Record that a build runs, and what runs it, before it touches the warehouse.

    Raises:
        BuildError: when dbt is told to build elsewhere than in the warehouse file, which alone is published.
    """
    target = os.environ.get("FOOTFALL_TARGET", WAREHOUSE_TARGET)
    if target != WAREHOUSE_TARGET:
        raise BuildError(
            f"FOOTFALL_TARGET is {target!r}, which has no warehouse file to publish. "
            f"Unset it, or say {WAREHOUSE_TARGET}."
        )
    before = read_outcome(home)
    if before is not None and before.finished_at and before.warehouse != _stamp(home):
        forget_states(home)
    outcome = Outcome("running", _now(), by=by, inputs=current_inputs(home))
    _write_outcome(home, outcome)
    return outcome


def forget_states(home: Path) -> None:
    """Let the next build run every node: somebody changed the warehouse, and nobody knows what."""
    import duckdb

    if _has_states(home / "warehouse.duckdb"):
        with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
            warehouse.execute("delete from plumbing.states")


def _has_states(path: Path) -> bool:
    import duckdb

    if not path.exists():
        return False
    with duckdb.connect(str(path), read_only=True) as warehouse:
        # the states of an earlier version are of no use: its macros were others
        named = (
            "from duckdb_columns() where schema_name = 'plumbing' and table_name = 'states' and column_name = 'script'"
        )
        return bool(warehouse.execute(named).fetchall())


def is_up_to_date(result: dict[str, Any]) -> bool:
    """Whether one of dbt's results says that its node was left as it was."""
    return bool((result.get("adapter_response") or {}).get(UP_TO_DATE))


def finish_outcome(home: Path, outcome: Outcome, results: Iterable[Any], whole: bool = True) -> None:
    """Record how a build ended.

    Args:
        home: the folder of all state.
        outcome: what `start_outcome` returned.
        results: dbt's results, as dictionaries of its run_results.json.
        whole: whether every node was asked for; after a part, models may disagree, so it is not published.
    """
    by_status: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_status.setdefault(str(result["status"]), []).append(result)
    bad = [*by_status.get("error", []), *by_status.get("fail", []), *by_status.get("runtime error", [])]
    outcome.failures = explained(home, artifacts_dir(home) / "target" / "manifest.json", bad)
    outcome.warnings = [f"{result['unique_id']}: {result.get('message')}" for result in by_status.get("warn", [])]
    outcome.passed_checks = len(by_status.get("pass", []))
    outcome.status = "failed" if bad else ("passed" if whole else "partial")
    outcome.finished_at = _now()
    if outcome.status == "passed":
        outcome.inputs = _inputs(home, _batches_built(home))
    outcome.warehouse = _stamp(home)
    _write_outcome(home, outcome)


def read_outcome(home: Path) -> Outcome | None:
    """How the last build of a home ended, or None when there was none."""
    try:
        return Outcome(**json.loads((home / "build.json").read_text()))
    except FileNotFoundError:
        return None


def must_forget(home: Path) -> Path:
    """The file that says that the publications before the next one are to go, because something was taken back."""
    return home / "privacy" / "forget_publications"


@contextmanager
def _a_full_disk_explained(home: Path) -> Iterator[None]:
    """Turn the operating system's few words into what to do, and leave nothing half written behind."""
    try:
        yield
    except Exception as error:
        if isinstance(error, BuildError) or not is_disk_full(error):
            raise
        drop_unfinished(home)
        raise BuildError(f"{error}\n{full_disk(home)}") from error


def prepare_landing(home: Path) -> None:
    """Make the folders that the models read, so that an empty home builds too; finish what was to be taken back."""
    from ingest import ensure_landing

    carry_out(home)
    ensure_landing(home)


def _land_leftovers(home: Path) -> tuple[int, tuple[str, ...]]:
    """Land what a killed server left: how many events, and why those are left that cannot land."""
    from ingest.collector.landing import LandingFailed, land_leftovers

    try:
        return sum(receipt.received for receipt in land_leftovers(home)), ()
    except LandingFailed as failed:
        told = f"received events wait, and cannot land: {failed}"
        return sum(receipt.received for receipt in failed.receipts), (told,)


def _run_dbt(home: Path, outcome: Outcome, full_refresh: bool, progress: Progress | None) -> list[dict[str, Any]]:
    """Run `dbt build` in this process; return its results."""
    from dbt.cli.main import dbtRunner

    from orchestration import skipping
    from orchestration.sparing import a_sparing_dbt

    # the plugin would come when dbt is already at work, too late for what is let go at its end
    skipping.install()
    total, finished = 0, 0
    _log(home).parent.mkdir(parents=True, exist_ok=True)

    def watch(event: Any) -> None:
        nonlocal total, finished
        # dbt's own log costs a second of CPU for a thousand lines, because it looks for secrets in each debug line
        if event.info.level != "debug" and event.info.msg:
            log.write(f"{event.info.ts.ToJsonString()} {event.info.level}: {event.info.msg}\n")
        total = max(total, getattr(event.data, "total", 0) or 0)
        if event.info.name == "NodeFinished" and progress:
            finished += 1
            progress(finished, max(total, finished), event.data.node_info.node_name)

    arguments = [*DBT_BUILD, *dbt_arguments(home), "--log-level", "none", "--no-print"]
    if full_refresh:
        arguments.append("--full-refresh")
    with _log(home).open("w") as log, only_what_can_have_changed(), a_sparing_dbt():
        result = dbtRunner(callbacks=[watch]).invoke(arguments)
        close_dbt()
    results = [] if result.result is None else [_as_dictionary(node) for node in getattr(result.result, "results", [])]
    if isinstance(result.exception, KeyboardInterrupt):
        _give_up(home, outcome, "interrupted")
        raise KeyboardInterrupt
    if result.exception is not None:
        message = " ".join(str(result.exception).split())
        outcome.failures = [{"node": "dbt", "message": message, "compiled": ""}]
        _give_up(home, outcome, "failed")
        mend = f"{full_disk(home)}\n" if is_disk_full(message) else ""
        raise BuildError(f"dbt could not start the build: {message}\n{mend}Nothing was published. Log: {_log(home)}")
    finish_outcome(home, outcome, results)
    if not result.success:
        raise BuildError(as_text(outcome.failures, len(results), home, project_dir(), _log(home)))
    return results


@contextmanager
def only_what_can_have_changed() -> Iterator[None]:
    """Let the dbt that runs in this block leave out what is up to date, unless FOOTFALL_ONLY_CHANGED says otherwise."""
    said = ONLY_CHANGED in os.environ
    os.environ.setdefault(ONLY_CHANGED, "true")
    try:
        yield
    finally:
        if not said:
            del os.environ[ONLY_CHANGED]


def dbt_arguments(home: Path) -> list[str]:
    """The options that lead dbt to the project, its profile and this home's own artifacts."""
    project = project_dir()
    artifacts = artifacts_dir(home)
    return [
        *("--project-dir", str(project)),
        *("--profiles-dir", str(project / "profiles")),
        *("--target-path", str(artifacts / "target")),
        *("--log-path", str(artifacts / "logs")),
    ]


def parsed_manifest(home: Path) -> Path:
    """The manifest of the project as it is now, parsed anew only when a file of it has changed.

    It has a folder of its own, so that reading it never meets a build that writes its own one.
    """
    from filelock import FileLock

    folder = artifacts_dir(home) / "parsed"
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint, told = project_fingerprint(project_dir()), folder / "fingerprint"
    with FileLock(folder / ".lock"):
        if not told.exists() or told.read_text() != fingerprint:
            from dbt.cli.main import dbtRunner

            options = [*dbt_arguments(home), "--target-path", str(folder), "--log-level", "none"]
            result = dbtRunner().invoke(["parse", *options])
            if not result.success:
                raise BuildError(f"dbt cannot read the project: {' '.join(str(result.exception).split())}")
            told.write_text(fingerprint)
    return folder / "manifest.json"


def close_dbt() -> None:
    """Let go of the warehouse file, which dbt's adapter would keep open as long as this process lives."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def _publish(home: Path, outcome: Outcome) -> Path:
    from serving.publish import Built
    from serving.publish import publish as publish_warehouse

    chosen, forget = settings(), must_forget(home)
    publication = publish_warehouse(
        home,
        artifacts_dir(home) / "target" / "manifest.json",
        Built(
            inputs=outcome.inputs,
            checks={"passed": outcome.passed_checks, "warned": outcome.warnings},
            built_at=outcome.finished_at or _now(),
        ),
        # what was taken back is in the earlier ones
        keep=1 if forget.exists() else chosen.keep_publications,
        memory_limit=chosen.memory_limit,
    )
    forget.unlink(missing_ok=True)
    return publication


def _inputs(home: Path, batches: Iterable[str]) -> dict[str, Any]:
    from serving.pseudonyms import as_input, pseudonyms

    project, ids = project_dir(), sorted(batches)
    return {
        "batches": {
            "count": len(ids),
            "newest": ids[-1] if ids else None,
            "digest": hashlib.sha256("\n".join(ids).encode()).hexdigest()[:20],
        },
        "project": project_fingerprint(project),
        "settings": metric_settings(project, home),
        "published": str(published_dir(home)),
        **as_input(pseudonyms(home)),
    }


def _batches_built(home: Path) -> list[str]:
    """The batches that this build saw, by the list that it fixed when it began."""
    import duckdb

    query = "select batch_id from plumbing.landed_batches where file is not null and batch_id similar to '[0-9].*'"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        return [row[0] for row in warehouse.execute(query).fetchall()]


def _as_dictionary(result: Any) -> dict[str, Any]:
    return {
        "unique_id": result.node.unique_id,
        "status": result.status,
        "message": result.message,
        "compiled_path": getattr(result.node, "compiled_path", None),
        "compiled_code": getattr(result.node, "compiled_code", None),
        "adapter_response": result.adapter_response,
    }


def _log(home: Path) -> Path:
    return artifacts_dir(home) / "logs" / "dbt.log"


def _give_up(home: Path, outcome: Outcome, status: str) -> None:
    outcome.status, outcome.finished_at, outcome.warehouse = status, _now(), _stamp(home)
    _write_outcome(home, outcome)


def _write_outcome(home: Path, outcome: Outcome) -> None:
    fresh = home / ".build.json.new"
    fresh.write_text(json.dumps(asdict(outcome), indent=1) + "\n")
    fresh.replace(home / "build.json")


def _stamp(home: Path) -> list[int]:
    try:
        stat = (home / "warehouse.duckdb").stat()
    except FileNotFoundError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
