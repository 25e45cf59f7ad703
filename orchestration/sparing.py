"""Spares dbt what nobody reads, and what it does the slow way: a third of what a build costs beside its nodes.

- Debug events: a build fires thousands, and each is converted field by field, twice.
- The manifest that dbt writes before it begins: at the end it writes the one that readers read.
- JSON: `json.dump` encodes in Python what `json.dumps` encodes in C.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

# who takes `write_manifest` by its name has to have taken it before it is changed
import dbt.task.docs.generate
import dbt.task.runnable  # noqa: F401
from dbt.artifacts.schemas import base as artifacts
from dbt.parser import manifest as parsing
from dbt_common.events.base_types import BaseEvent, DebugLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.utils.encoding import JSONEncoder

# what a build listens to, of the events that dbt calls debug
HEARD = ("NodeFinished",)


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
        yield


@contextmanager
def _changed(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _is_heard(event: BaseEvent) -> bool:
    return not isinstance(event, DebugLevel) or type(event).__name__ in HEARD


def _write_json(path: str, data: dict[str, Any]) -> bool:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, cls=JSONEncoder), encoding="utf-8")
    return True
