"""What sqlfluff shows to the models in dbt's place: a project that has read nothing yet, so no database is needed."""

from pathlib import Path
from typing import Any

import yaml

_DEFAULTS = yaml.safe_load(Path("dbt_project.yml").read_text())["vars"]

execute = False


def var(name: str) -> Any:
    """The project's own value of a setting."""
    return _DEFAULTS[name]


def env_var(name: str, default: str = "") -> str:
    """The default, so that linting does not depend on the machine."""
    return default


_SCOPE = {"app": None, "where": {}, "unit": "person"}
_EVENT = {"event_name": "signed_up", "where": {}}


def configured_funnels() -> list[dict[str, Any]]:
    """A funnel as the seeds may name it, so that the SQL it becomes is linted too."""
    step = {"name": "Signed up", "event": _EVENT, "is_first_ever": False}
    return [
        {
            "name": "signup",
            "scope": _SCOPE,
            "order": "ordered",
            "window_seconds": 60,
            "count": "units",
            "trend": "day",
            "steps": [step, step],
            "optional_steps": [],
            "exclusions": [],
        }
    ]


def configured_retentions() -> list[dict[str, Any]]:
    """A retention as the seeds may name it."""
    return [
        {
            "name": "signup",
            "period": "day",
            "periods": 7,
            "period_seconds": 86400,
            "scope": _SCOPE,
            "start_event": {"event_name": None, "where": {}},
            "return_event": _EVENT,
            "is_first_time": True,
            "measure": "exact",
            "window": "calendar",
            "minimum_occurrences": 1,
            "value": None,
        }
    ]
