"""Lets `dbt build` leave out what is up to date, without compiling it: a node costs a millisecond then, not 25.

A table or a test that is to run, and whose SQL cannot be another than it was, is not compiled either: what dbt had
DuckDB do for it last time is done again.

dbt has no place for this, so its build task is given one: `install` wraps how it runs a node. It does nothing unless
FOOTFALL_ONLY_CHANGED is set, and nothing for other commands of dbt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
from dbt.artifacts.schemas.results import RunStatus, TestStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.flags import get_flags
from dbt.task.build import BuildTask
from dbt_common.context import get_invocation_context

from ingest.settings import as_value
from orchestration.settings import PREFIX
from orchestration.states import AGAIN, ONLY_CHANGED, REASON, RUN, UP_TO_DATE, State, States

# the statements of the node that runs in a thread
heard = threading.local()


def install() -> None:
    """Wrap dbt's build task, once in a process."""
    if getattr(BuildTask.call_runner, "is_footfalls", False):
        return
    call_runner, after_run, execute = BuildTask.call_runner, BuildTask.after_run, BuildTask.execute_with_hooks
    run_statement = DuckDBCursorWrapper.execute

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

    def run_and_tell(cursor: DuckDBCursorWrapper, sql: str, bindings: Any = None) -> Any:
        if (statements := getattr(heard, "statements", None)) is not None:
            statements.append(sql)
        return run_statement(cursor, sql, bindings)  # type: ignore[no-untyped-call]

    call_runner_if_needed.is_footfalls = True  # type: ignore[attr-defined]
    BuildTask.call_runner = call_runner_if_needed  # type: ignore[method-assign, assignment]
    BuildTask.after_run = after_run_of_needed  # type: ignore[method-assign, assignment]
    BuildTask.execute_with_hooks = execute_and_let_go  # type: ignore[method-assign, assignment]
    DuckDBCursorWrapper.execute = run_and_tell  # type: ignore[method-assign]


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
            _cursor(DuckDBConnectionManager.env()),
            variables | {name: as_value(text) for name, text in said.items() if text},
            environment.get("FOOTFALL_HOME", ""),
            whole=bool(get_flags().FULL_REFRESH),  # type: ignore[no-untyped-call]
        )
    return states


def _cursor(environment: Any) -> duckdb.DuckDBPyConnection:
    """A cursor with the settings of dbt's own ones."""
    cursor: duckdb.DuckDBPyConnection = environment.initialize_cursor(
        environment.creds, environment.conn.cursor(), environment._plugins, environment._REGISTERED_DF
    )
    return cursor


@contextmanager
def _listening() -> Iterator[list[str]]:
    """The statements that dbt has DuckDB do meanwhile."""
    heard.statements = []
    try:
        yield heard.statements
    finally:
        heard.statements = None


def _let_it_be_left_out(states: States, runner: Any) -> None:
    """Let a runner ask first whether its node is up to date; dbt tells of it as of any other node."""
    run = runner.safe_run

    def run_if_needed(manifest: Any) -> RunResult:
        node = runner.node
        reason = states.reason(node)
        if reason is None:
            return _left_as_it_is(node, states.kept[node.unique_id])
        if (script := states.script(node)) and (again := _done_again(states, node, script)):
            result, statements = again, [script]
            result.adapter_response = {AGAIN: True}
        else:
            with _listening() as statements:
                result = run(manifest)
        states.record(node, result, statements)
        result.adapter_response = {**result.adapter_response, REASON: reason}
        return result

    runner.safe_run = run_if_needed


def _done_again(states: States, node: Any, script: str) -> RunResult | None:
    """A node that was done by the statement of last time; none where dbt has something to tell of it."""
    began, connection = time.perf_counter(), states.connection
    connection.execute("begin")
    try:
        answer = connection.execute(script).fetchone()
        connection.execute("commit")
    except duckdb.Error:
        # after a full disk there is nothing left to roll back
        with suppress(duckdb.Error):
            connection.execute("rollback")
        return None
    if node.resource_type == "test":
        _, warns, fails = answer or (None, True, True)
        return None if warns or fails else _result(node, TestStatus.Pass, None, 0, time.perf_counter() - began)
    return _result(node, RunStatus.Success, "OK", None, time.perf_counter() - began)


def _left_as_it_is(node: Any, state: State) -> RunResult:
    told = state.result
    is_test = node.resource_type == "test"
    if state.compiled_code:
        node.compiled, node.compiled_code = True, state.compiled_code
    result = _result(
        node,
        TestStatus(told["status"]) if is_test else RunStatus.NoOp,
        told["message"] if is_test else "up to date",
        told["failures"],
    )
    result.adapter_response = {UP_TO_DATE: True}
    return result


def _result(
    node: Any, status: RunStatus | TestStatus, message: str | None, failures: int | None, seconds: float = 0.0
) -> RunResult:
    return RunResult(
        status=status,
        timing=[],
        thread_id=threading.current_thread().name,
        execution_time=seconds,
        adapter_response={},
        message=message,
        failures=failures,
        node=node,
        batch_results=None,
    )
