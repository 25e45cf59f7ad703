"""Spares dbt what nobody reads, and what it does the slow way: a third of what a build costs beside its nodes.

- Debug events: a build fires thousands, and each is converted field by field, twice.
- The manifest that dbt writes before it begins: at the end it writes the one that readers read.
- JSON: `json.dump` encodes in Python what `json.dumps` encodes in C.
- Templates: hundreds of tests have the same code, and each is compiled again, twice.
- Tables of answers: for each statement dbt makes anew what guesses the types of a column, also of no columns.
- Whether a relation is there: dbt compares its name with those of all relations, part by part, several times a node.
- Who set a flag: dbt looks through the whole stack, and in all its source files, for each flag.
- Looking for garbage: parsing a project makes a million objects that stay, and Python looks through all of them again
  and again.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

# who takes `write_manifest` by its name has to have taken it before it is changed
import dbt.task.docs.generate
import dbt.task.runnable  # noqa: F401
from dbt.adapters.base.impl import BaseAdapter
from dbt.artifacts.schemas import base as artifacts
from dbt.parser import manifest as parsing
from dbt_common.behavior_flags import BehaviorFlagRendered
from dbt_common.clients import agate_helper
from dbt_common.clients.jinja import MacroFuzzEnvironment
from dbt_common.events.base_types import BaseEvent, DebugLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.utils.encoding import JSONEncoder
from jinja2 import Environment

# what a build listens to, of the events that dbt calls debug
HEARD = ("NodeFinished",)
# how many more objects there are before Python looks for garbage among the youngest, and how many looks before the next
GARBAGE = (50_000, 20, 20)
# how many templates are kept compiled; a build has some two thousand
TEMPLATES = 5_000
_compiled: dict[Any, Any] = {}
_compile = Environment.compile
_match = BaseAdapter._make_match
_EMPTY = agate_helper.empty_table()  # type: ignore[no-untyped-call]


@contextmanager
def a_sparing_dbt() -> Iterator[None]:
    """Let the dbt that runs in this block do without all of that."""
    make, fire = BaseEvent.__init__, EventManager.fire_event

    def make_if_heard(event: BaseEvent, *arguments: Any, **fields: Any) -> None:
        if _is_heard(event):
            make(event, *arguments, **fields)

    def fire_if_heard(manager: EventManager, e: BaseEvent, *arguments: Any, **options: Any) -> None:
        if _is_heard(e):
            fire(manager, e, *arguments, **options)

    with ExitStack() as changes:
        changes.enter_context(_changed(BaseEvent, "__init__", make_if_heard))
        changes.enter_context(_changed(EventManager, "fire_event", fire_if_heard))
        changes.enter_context(_changed(parsing, "write_manifest", lambda *_, **__: None))
        changes.enter_context(_changed(artifacts, "write_json", _write_json))
        changes.enter_context(_changed(Environment, "compile", _compiled_once))
        changes.enter_context(_changed(agate_helper, "empty_table", lambda: _EMPTY))
        changes.enter_context(_changed(agate_helper, "build_type_tester", _type_tester))
        changes.enter_context(_changed(BaseAdapter, "_make_match", _matching))
        changes.enter_context(_changed(BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt")))
        changes.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(*GARBAGE)
        yield


@contextmanager
def _changed(owner: Any, name: str, value: Any) -> Iterator[None]:
    # as it stands there: of a static method, `getattr` gives the function alone
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


_build_type_tester = lru_cache(agate_helper.build_type_tester)


def _type_tester(text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")) -> Any:
    nulls = None if string_null_values is None else tuple(string_null_values)
    return _build_type_tester(tuple(sorted(text_columns)), nulls)


def _compiled_once(environment: Environment, source: Any, *arguments: Any, **options: Any) -> Any:
    """What a template compiles to: dbt makes an environment for each, and all of a kind compile alike.

    Others do not: whether a page escapes what it shows is part of its code.
    """
    if not isinstance(source, str) or not isinstance(environment, MacroFuzzEnvironment):
        return _compile(environment, source, *arguments, **options)
    key = (type(environment), source, arguments, *options.items())
    if key not in _compiled:
        if len(_compiled) == TEMPLATES:
            _compiled.clear()
        _compiled[key] = _compile(environment, source, *arguments, **options)
    return _compiled[key]


def _matching(adapter: BaseAdapter, relations: list[Any], database: str, schema: str, identifier: str) -> list[Any]:
    """What dbt finds by a name, of the relations of that name alone: others never match."""
    named = identifier.strip('"').lower()
    called = [relation for relation in relations if str(relation.identifier).strip('"').lower() == named]
    return _match(adapter, called, database, schema, identifier)


def _is_heard(event: BaseEvent) -> bool:
    return not isinstance(event, DebugLevel) or type(event).__name__ in HEARD


def _write_json(path: str, data: dict[str, Any]) -> bool:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, cls=JSONEncoder), encoding="utf-8")
    return True
