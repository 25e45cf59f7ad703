"""What a build spares dbt, and that nothing of it is left when it is over."""

import gc
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbt.artifacts.schemas import base as artifacts
from dbt.events.types import LogStartLine, NodeFinished, NodeStart
from dbt.parser import manifest as parsing
from dbt_common.behavior_flags import BehaviorFlagRendered
from dbt_common.clients import agate_helper
from dbt_common.clients.jinja import get_environment, get_template
from dbt_common.events.base_types import BaseEvent
from dbt_common.events.event_manager import EventManager
from jinja2 import Environment

from orchestration.sparing import a_sparing_dbt


def names_of_the_fired() -> list[str]:
    """The events that a callback of dbt hears of these three."""
    heard: list[Any] = []
    manager = EventManager()
    manager.add_callback(heard.append)
    for event in (NodeStart(), NodeFinished(), LogStartLine(description="table", index=1, total=3)):
        manager.fire_event(event)
    return [event.info.name for event in heard]


def test_only_the_debug_event_that_progress_is_told_by_is_made() -> None:
    with a_sparing_dbt():
        assert names_of_the_fired() == ["NodeFinished", "LogStartLine"]
    assert names_of_the_fired() == ["NodeStart", "NodeFinished", "LogStartLine"]


def test_artifacts_are_written_as_dbt_writes_them(tmp_path: Path) -> None:
    data = {"é": [1, 0.1, None, True], "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "in": {"quotes": '"\n'}}
    artifacts.write_json(str(tmp_path / "by_dbt.json"), data)
    with a_sparing_dbt():
        artifacts.write_json(str(tmp_path / "new" / "by_us.json"), data)
    by_dbt, by_us = (json.loads((tmp_path / name).read_text()) for name in ("by_dbt.json", "new/by_us.json"))
    assert by_us == by_dbt


def test_a_template_is_compiled_once_for_each_kind_of_environment() -> None:
    source = "{{ first | as_number }}"
    with a_sparing_dbt():
        assert get_environment().compile(source) is get_environment().compile(source)
        for _ in range(2):
            assert get_template(source, {}).render({"first": "1"}) == "1"
            assert get_template(source, {}, native=True).render({"first": "3"}) == 3


def test_templates_of_others_are_compiled_by_their_own_environment() -> None:
    with a_sparing_dbt():
        plain, page = (Environment(autoescape=escapes).from_string("{{ text }}") for escapes in (False, True))
        assert (plain.render(text="<"), page.render(text="<")) == ("<", "&lt;")


def test_answers_are_read_as_dbt_reads_them() -> None:
    def read() -> list[object]:
        rows = [{"text": "007", "number": 7, "none": None}, {"text": "null", "number": 8, "none": None}]
        tables = [agate_helper.table_from_data_flat(rows, columns) for columns in (["text", "none"], ["number"])]
        return [
            (table.column_names, [tuple(row) for row in table.rows]) for table in [*tables, agate_helper.empty_table()]
        ]

    by_dbt = read()
    with a_sparing_dbt():
        assert [read(), read()] == [by_dbt, by_dbt]


def test_dbt_is_as_it_was_when_the_build_is_over() -> None:
    def inside() -> tuple[object, ...]:
        ways = (BaseEvent.__init__, EventManager.fire_event, parsing.write_manifest, artifacts.write_json)
        tables = (agate_helper.empty_table, agate_helper.build_type_tester)
        flags = vars(BehaviorFlagRendered)["_default_source"]
        return *ways, *tables, flags, Environment.compile, gc.get_threshold()

    before = inside()
    try:
        with a_sparing_dbt():
            assert not set(inside()) & set(before)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert inside() == before
