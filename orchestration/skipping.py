"""Lets `dbt build` leave out what is up to date, without compiling it: a node costs a millisecond then, not 25.

dbt has no place for this, so its build task is given one: `install` wraps how it runs a node. It does nothing unless
FOOTFALL_ONLY_CHANGED is set, and nothing for other commands of dbt.
"""

from __future__ import annotations

import threading
from typing import Any

from dbt.artifacts.schemas.results import RunStatus, TestStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.flags import get_flags
from dbt.task.build import BuildTask
from dbt_common.context import get_invocation_context

from ingest.settings import as_value
from orchestration.settings import PREFIX
from orchestration.states import ONLY_CHANGED, REASON, RUN, UP_TO_DATE, State, States


def install() -> None:
    """Wrap dbt's build task, once in a process."""
    if getattr(BuildTask.call_runner, "is_footfalls", False):
        return
    call_runner, after_run, execute = BuildTask.call_runner, BuildTask.after_run, BuildTask.execute_with_hooks

    def call_runner_if_needed(task: BuildTask, runner: Any) -> RunResult:
        # an exposure is a node too, of which there is nothing to run
        if _is_wanted() and not runner.skip and runner.node.resource_type in RUN:
            _let_it_be_left_out(_states_of(task), runner)
        return call_runner(task, runner)

    def after_run_of_needed(task: BuildTask, adapter: Any, results: Any) -> None:
        if _is_wanted():
            _states_of(task).flush()
        after_run(task, adapter, results)

    def execute_and_let_go(task: BuildTask, selected_uids: Any) -> Any:
        try:
            return execute(task, selected_uids)
        finally:
            if states := getattr(task, "footfall_states", None):
                states.connection.close()

    call_runner_if_needed.is_footfalls = True  # type: ignore[attr-defined]
    BuildTask.call_runner = call_runner_if_needed  # type: ignore[method-assign, assignment]
    BuildTask.after_run = after_run_of_needed  # type: ignore[method-assign, assignment]
    BuildTask.execute_with_hooks = execute_and_let_go  # type: ignore[method-assign, assignment]


def _is_wanted() -> bool:
    return get_invocation_context().env.get(ONLY_CHANGED) == "true"


def _states_of(task: BuildTask) -> States:
    """The states of the warehouse that a task builds in, read when its first node comes: after dbt's own start."""
    states: States | None = getattr(task, "footfall_states", None)
    if states is None:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        environment = get_invocation_context().env
        variables = {**task.config.vars.to_dict(), **task.config.cli_vars}  # type: ignore[no-untyped-call]
        said = {name: environment.get(f"{PREFIX}{name.upper()}") for name in variables}
        states = task.footfall_states = States(  # type: ignore[attr-defined]
            task.manifest,
            DuckDBConnectionManager.env().conn.cursor(),  # type: ignore[attr-defined]
            variables | {name: as_value(text) for name, text in said.items() if text},
            environment.get("FOOTFALL_HOME", ""),
            whole=bool(get_flags().FULL_REFRESH),  # type: ignore[no-untyped-call]
        )
    return states


def _let_it_be_left_out(states: States, runner: Any) -> None:
    """Let a runner ask first whether its node is up to date; dbt tells of it as of any other node."""
    run = runner.safe_run

    def run_if_needed(manifest: Any) -> RunResult:
        node = runner.node
        reason = states.reason(node)
        if reason is None:
            return _left_as_it_is(node, states.kept[node.unique_id])
        result: RunResult = run(manifest)
        states.record(node, result)
        result.adapter_response = {**result.adapter_response, REASON: reason}
        return result

    runner.safe_run = run_if_needed


def _left_as_it_is(node: Any, state: State) -> RunResult:
    told = state.result
    is_test = node.resource_type == "test"
    if state.compiled_code:
        node.compiled, node.compiled_code = True, state.compiled_code
    return RunResult(
        status=TestStatus(told["status"]) if is_test else RunStatus.NoOp,
        timing=[],
        thread_id=threading.current_thread().name,
        execution_time=0.0,
        adapter_response={UP_TO_DATE: True},
        message=told["message"] if is_test else "up to date",
        failures=told["failures"],
        node=node,
        batch_results=None,
    )
