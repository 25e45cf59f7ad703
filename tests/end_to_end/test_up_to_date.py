"""What a build leaves out as up to date is what another build would make of it, whatever has happened in between."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration import states
from orchestration.states import State, States
from tests.end_to_end.dbt_project import build_models, copy_part, differences, put_back, run_dbt
from tests.end_to_end.test_zero_drift import LOADS, deliveries, load

# a view, tables and incremental models over each other, from which everything else is made likewise
PART = ("fct_sessions", "fct_app_copies")
HISTORIES = 12
# of twenty seeds one is enough
NODES = ("--select", "resource_type:model", "event_catalog")


@dataclass
class Built:
    """A home and its project, both free to be changed: they are put back after each test."""

    home: Path
    project: Path

    def land(self, number: int) -> None:
        """Land one of the loads of the histories."""
        load(self.home, deliveries(HISTORIES, 1), number, random.Random(number))

    def build(self, **settings: str) -> dict[str, str]:
        """What `footfall build` runs of the models."""
        return build_models(self.home, *NODES, project=self.project, settings=settings)

    def plain(self, *arguments: str, **settings: str) -> dict[str, str]:
        """What plain dbt runs."""
        return run_dbt(self.home, *arguments, project=self.project, settings=settings)

    def edit(self, file: str, old: str, new: str) -> None:
        """Exchange a text that stands once in a file of the project."""
        text = (self.project / file).read_text()
        assert text.count(old) == 1, f"{file} no longer holds what this test changes: {old}"
        (self.project / file).write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("up_to_date")
    built = Built(folder / "home", copy_part(folder / "project", PART))
    built.home.mkdir()
    for number in range(LOADS - 1):
        built.land(number)
    build_models(built.home, project=built.project)
    return built


@pytest.fixture
def built(built_once: Built, tmp_path: Path) -> Iterator[Built]:
    with put_back(tmp_path / "aside", built_once.home, built_once.project):
        yield built_once


def missed(built: Built, tmp_path: Path, **settings: str) -> dict[str, int]:
    """Builds what can have changed, then all by plain dbt: the relations that come out as others."""
    built.build(**settings)
    one = tmp_path / "one"
    one.mkdir()
    shutil.copy(built.home / "warehouse.duckdb", one)
    (one / "landing").symlink_to(built.home / "landing")
    built.plain("build", "--resource-type=model", "--resource-type=seed", *NODES, **settings)
    return differences(one, built.home)


def a_late_batch(built: Built) -> dict[str, str]:
    built.land(LOADS - 1)
    return {}


def a_batch_of_a_clock_that_was_set_back(built: Built) -> dict[str, str]:
    before = set((built.home / "landing").rglob("*.*"))
    built.land(LOADS - 1)
    for path in set((built.home / "landing").rglob("*.*")) - before:
        path.rename(path.with_name(f"2001{path.name[4:]}"))
    return {}


def a_setting(_built: Built) -> dict[str, str]:
    return {"FOOTFALL_SESSION_TIMEOUT_SECONDS": "60"}


def the_file_of_a_seed(built: Built) -> dict[str, str]:
    catalog = built.project / "seeds" / "event_catalog.csv"
    lines = catalog.read_text().splitlines()
    catalog.write_text("\n".join(line for line in lines if not line.startswith("scroll,")) + "\n")
    assert len(catalog.read_text().splitlines()) < len(lines)
    return {}


def the_table_of_a_seed(built: Built) -> dict[str, str]:
    with duckdb.connect(str(built.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("delete from event_catalog where event_name = 'scroll'")
    return {}


def the_code_of_a_model(built: Built) -> dict[str, str]:
    file = next((built.project / "models").rglob("fct_app_copies.sql"))
    file.write_text(f"with as_it_was as (\n{file.read_text()}\n)\n\nselect * from as_it_was where false\n")
    return {}


def a_partial_build(built: Built) -> dict[str, str]:
    built.land(LOADS - 1)
    built.plain("run", "--select", "config.materialized:incremental")
    return {}


def a_killed_build(built: Built) -> dict[str, str]:
    """The rows of the incremental models are there; what they are was never written, nor what reads them built."""
    built.land(LOADS - 1)
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(States, "flush", lambda _: None)
        build_models(built.home, "--select", "config.materialized:incremental", project=built.project)
    return {}


def a_home_of_the_version_before(built: Built) -> dict[str, str]:
    with duckdb.connect(str(built.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("drop table plumbing.states; drop view plumbing.settled_batches")
    built.land(LOADS - 1)
    return {}


def a_dropped_relation(built: Built) -> dict[str, str]:
    with duckdb.connect(str(built.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("drop table fct_app_copies")
    return {}


Change = Callable[[Built], dict[str, str]]
CHANGES: list[Change] = [
    a_late_batch,
    a_batch_of_a_clock_that_was_set_back,
    a_setting,
    the_file_of_a_seed,
    the_table_of_a_seed,
    the_code_of_a_model,
    a_partial_build,
    a_killed_build,
    a_home_of_the_version_before,
    a_dropped_relation,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_left_out_would_come_out_the_same(change: Change, built: Built, tmp_path: Path) -> None:
    assert missed(built, tmp_path, **change(built)) == {}


def test_nothing_runs_when_nothing_changed_and_readers_of_what_came_out_the_same_do_not(built: Built) -> None:
    assert set(built.build().values()) == {"no-op"}
    file = next((built.project / "models").rglob("int_event_copies.sql"))
    file.write_text(f"{file.read_text()}\n-- the same rows\n")
    ran = {name for name, status in built.build().items() if status != "no-op"}
    # the rows of an incremental model are not read for their digest, so its readers run, and these come out the same
    assert {"int_event_copies", "fct_app_copies"} <= ran and "int_sessions" not in ran


def test_an_exposure_is_no_obstacle(built: Built) -> None:
    """It is a node of the build with nothing to run."""
    said = {"name": "board", "type": "dashboard", "owner": {"name": "Us"}, "depends_on": ["ref('fct_sessions')"]}
    (built.project / "models" / "_boards.yml").write_text(yaml.safe_dump({"version": 2, "exposures": [said]}))
    assert built.plain("build", "--no-write-json", "--select", "board", FOOTFALL_ONLY_CHANGED="true")


def test_a_build_that_is_whole_runs_everything(built: Built) -> None:
    assert "no-op" not in build_models(built.home, "--full-refresh", project=built.project).values()


def test_a_test_that_held_is_not_run_again_and_one_that_failed_is(built: Built) -> None:
    law = built.project / "tests" / "dbt" / "assert_there_is_no_session.sql"
    law.write_text("select * from {{ ref('fct_sessions') }}")
    for _ in range(2):
        with pytest.raises(AssertionError, match="results, configured to fail"):
            build_models(
                built.home, "--select", "assert_there_is_no_session", "--resource-type=test", project=built.project
            )
    law.write_text("select * from {{ ref('fct_sessions') }} where false")
    for ran in (True, False):
        assert ran is (run_of(built, "assert_there_is_no_session") == "it ran")


def test_what_is_done_again_is_not_compiled_and_what_no_longer_holds_is_told_by_dbt(built: Built) -> None:
    with duckdb.connect(str(built.home / "warehouse.duckdb"), read_only=True) as warehouse:
        (sessions,) = warehouse.execute("select count(*) from fct_sessions").fetchall()[0]
    laws = {"assert_sessions_are_as_many": f"= {sessions}", "assert_there_are_sessions": "> 0"}
    for law, count in laws.items():
        query = f"select count(*) as n from {{{{ ref('fct_sessions') }}}} having not count(*) {count}"
        (built.project / "tests" / "dbt" / f"{law}.sql").write_text(query)
    chosen = ("+fct_sessions", "+fct_app_copies", *laws)
    arguments = ("build", "--select", *chosen, "--exclude", "test_type:generic", "test_type:unit")
    settings = {states.ONLY_CHANGED: "true"}
    run_dbt(built.home, *arguments, project=built.project, settings=settings)
    built.land(LOADS - 1)
    with pytest.raises(AssertionError, match="Got 1 result, configured to fail if != 0"):
        run_dbt(built.home, *arguments, project=built.project, settings=settings)
    results = json.loads((built.home / "target" / "run_results.json").read_text())["results"]
    told = {
        result["unique_id"].split(".")[2]: (result["status"], states.AGAIN in result["adapter_response"])
        for result in results
    }
    assert told["assert_sessions_are_as_many"] == ("fail", False)
    assert told["assert_there_are_sessions"] == ("pass", True)
    assert told["fct_app_copies"] == ("success", True)
    assert told["int_sessions"] == ("success", False)


def test_what_looks_at_other_nodes_runs_when_their_code_changed(built: Built) -> None:
    law = built.project / "tests" / "dbt" / "assert_there_are_nodes.sql"
    law.write_text("select 1 as found where {{ graph.nodes | length if execute else 1 }} = 0")
    assert [run_of(built, law.stem) for _ in range(2)] == ["it ran", "up to date"]
    other = next((built.project / "models").rglob("fct_app_copies.sql"))
    other.write_text(f"{other.read_text()}\n-- the same rows\n")
    assert run_of(built, law.stem) == "it ran"


def run_of(built: Built, node: str) -> str:
    """Whether a node ran in a build, by what dbt says of it."""
    settings = {states.ONLY_CHANGED: "true"}
    run_dbt(built.home, "build", "--select", node, project=built.project, settings=settings)
    results = json.loads((built.home / "target" / "run_results.json").read_text())["results"]
    told = [result for result in results if result["unique_id"].split(".")[2] == node]
    assert len(told) == 1 and told[0]["status"] in ("pass", "success", "no-op")
    return "up to date" if told[0]["adapter_response"].get(states.UP_TO_DATE) else "it ran"


@pytest.mark.parametrize("asks", ["current_date", "now()", "(select count(*) from glob('/nowhere/*'))"])
def test_what_asks_for_the_day_or_reads_a_file_always_runs(asks: str, built: Built) -> None:
    (built.project / "models" / "marts" / "fct_today.sql").write_text(f"select {asks} as told")
    assert [run_of(built, "fct_today") for _ in range(2)] == ["it ran", "it ran"]


def of_all(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """What all nodes are made with, unnoticed."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        start = States.__init__

        def forgetful(self: States, *arguments: object, **named: object) -> None:
            start(self, *arguments, **named)  # type: ignore[arg-type]
            self.of_all[name] = "any"

        patch.setattr(States, "__init__", forgetful)

    return plant


def always(name: str, value: object) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(States, name, value)


def any_script(states: States, node: Any) -> str:
    kept = states.kept.get(node.unique_id)
    return kept.script if kept else ""


def no_batches(patch: pytest.MonkeyPatch) -> None:
    for name in ("_landed", "_settled"):
        patch.setattr(States, name, "any")


def the_newest_batch(patch: pytest.MonkeyPatch) -> None:
    def newest(self: States, query: str) -> str:
        return str(max((row[0] for row in self.connection.execute(query).fetchall()), default=""))

    patch.setattr(States, "_digest_of", newest)


def seeds_as_they_were_loaded(patch: pytest.MonkeyPatch) -> None:
    def loaded(self: States) -> dict[str, str]:
        return {node: state.content for node, state in self.kept.items()}

    patch.setattr(States, "_seeds", property(loaded))


def one_model_left_out(patch: pytest.MonkeyPatch) -> None:
    reason = States.reason
    patch.setattr(
        States,
        "reason",
        lambda self, node: None if node.name == "int_sessions" and node.unique_id in self.kept else reason(self, node),
    )


def tables_that_look_alike(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(states, "content_of", lambda *_: "any")


def missing_relations(patch: pytest.MonkeyPatch) -> None:
    class Everything(set[str]):
        def __contains__(self, _: object) -> bool:
            return True

    patch.setattr(States, "_relations", Everything())


def rows_exchanged_in_silence(built: Built) -> None:
    built.edit(
        "macros/plumbing/states.sql", "where node = '{{ model.unique_id }}' and exists (", "where false and exists ("
    )


Plant = Callable[[pytest.MonkeyPatch], None]
PLANTED: dict[str, tuple[Change, Plant | None]] = {
    "a node is left out that should run": (a_late_batch, one_model_left_out),
    "a batch is not noticed": (a_late_batch, no_batches),
    "the newest batch stands for all": (a_batch_of_a_clock_that_was_set_back, the_newest_batch),
    "a setting is not noticed": (a_setting, of_all("settings")),
    "the file of a seed is not noticed": (the_file_of_a_seed, always("_file_of", lambda *_: "any")),
    "the table of a seed is not noticed": (the_table_of_a_seed, seeds_as_they_were_loaded),
    "code is not noticed": (the_code_of_a_model, always("_code", lambda *_: "any")),
    "what made a table by other code is done again": (the_code_of_a_model, always("script", any_script)),
    "other rows look like those before": (the_file_of_a_seed, tables_that_look_alike),
    "a relation that is gone is not missed": (a_dropped_relation, missing_relations),
    "a partial build leaves the state of what it changed": (a_partial_build, None),
    "a killed build leaves the state of what it changed": (a_killed_build, None),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, plant = PLANTED[bug]
    if plant is None:
        rows_exchanged_in_silence(built)
    else:
        plant(monkeypatch)
    built.build()
    settings = change(built)
    if change is a_dropped_relation:
        # the relations are not even the same ones
        with pytest.raises(AssertionError):
            missed(built, tmp_path, **settings)
    else:
        assert missed(built, tmp_path, **settings) != {}


def test_a_state_says_all_that_it_was_made_from(built: Built) -> None:
    with duckdb.connect(str(built.home / "warehouse.duckdb"), read_only=True) as warehouse:
        kept = states.read_states(warehouse)
    inputs = {node.split(".")[2]: set(state.inputs) for node, state in kept.items()}
    assert inputs["fct_sessions"] == {
        *("settings", "project", "code", "model.footfall.int_sessions", "model.footfall.int_identities")
    }
    assert {"landing", "model.footfall.stg_events"} <= inputs["int_sessions"]
    assert all(isinstance(state, State) and all(state.inputs.values()) for state in kept.values())
