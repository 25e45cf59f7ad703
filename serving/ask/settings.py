"""The project's settings as a question sees them: dbt vars, each overridden by FOOTFALL_<NAME>."""

import os
from functools import cache
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project.yml"


@cache
def _project_vars(path: Path) -> dict[str, object]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["vars"])


def setting(name: str) -> object:
    """Return the value of the setting `name`; the environment variable FOOTFALL_<NAME> comes first, unless it is empty.

    Raises KeyError where dbt_project.yml knows no such setting.
    """
    default = _project_vars(PROJECT)[name]
    text = os.environ.get(f"FOOTFALL_{name.upper()}")
    return yaml.safe_load(text) if text else default
