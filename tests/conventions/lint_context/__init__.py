"""What sqlfluff shows to the models in dbt's place: a project that has read nothing yet, so no database is needed."""

from pathlib import Path
from typing import Any

import yaml

_DEFAULTS = yaml.safe_load(Path("dbt_project.yml").read_text())["vars"]

execute = False
model: dict[str, Any] = {}


def var(name: str) -> Any:
    """The project's own value of a setting."""
    return _DEFAULTS[name]


def env_var(name: str, default: str = "") -> str:
    """The default, so that linting does not depend on the machine."""
    return default


_EVENT = {"event_name": "signed_up", "where": {}, "condition": "event_name = 'signed_up'"}
_ACTIVITY = {"event_name": None, "where": {}, "condition": "is_activity"}
_NAMED = {
    "scope": {"app": None, "unit": "person"},
    "unit": "null::varchar",
    "may_name": "event_name = 'signed_up'",
    "is_whole": False,
    "value": None,
    "amount": None,
}


def _funnels() -> list[dict[str, Any]]:
    """A funnel as the seeds may name it, so that the SQL it becomes is linted too."""
    step = {"name": "Signed up", "is_first_ever": False}
    funnel = {"kind": "funnel", "name": "signup", "order": "ordered", "window_seconds": 60, "count": "units"}
    steps = {"steps": [step, step], "optional_steps": [], "exclusions": [], "selectors": [_EVENT, _EVENT]}
    return [_NAMED | funnel | steps | {"trend": "day", "parts_by_days": []}]


def _retentions() -> list[dict[str, Any]]:
    """A retention as the seeds may name it."""
    periods = {"period": "day", "periods": 7, "period_seconds": 86400}
    rules = {"is_first_time": True, "measure": "exact", "window": "calendar", "minimum_occurrences": 1}
    selectors = {"selectors": [_ACTIVITY, _EVENT], "parts_by_days": [1]}
    return [
        _NAMED | {"kind": "retention", "name": "signup by day", "retention": "signup"} | periods | rules | selectors
    ]


def _conversions() -> list[dict[str, Any]]:
    """A conversion as the seeds may name it."""
    selectors = {"selectors": [_EVENT, _ACTIVITY, _ACTIVITY], "parts_by_days": [2, 3]}
    credit = {"is_first_ever": False, "lookback_days": 30, "half_life_days": 7}
    return [_NAMED | {"kind": "conversion", "name": "signup"} | credit | selectors]


def _cohorts() -> list[dict[str, Any]]:
    """A cohort as the seeds may name it."""
    did = {"property": None, "number": 1, "condition": "event_name = 'signup'", "at_least": 1, "at_most": 9, "days": 30}
    return [{"name": "new", "criteria": [did, {"property": "plan", "condition": "said = 'pro'"}]}]


def configured(kind: str) -> list[dict[str, Any]]:
    """One analysis of each kind that the seeds may name."""
    path = {"name": "pages", "item": "page", "app": None, "max_steps": 10}
    named = {"funnels": _funnels(), "retentions": _retentions(), "conversions": _conversions(), "paths": [path]}
    named["cohorts"] = _cohorts()
    return named[kind] if kind in named else _funnels() + _retentions() + _conversions()


def experiment_event_names() -> str:
    """What is known before a seed is read."""
    return "('experiment_exposed')"
