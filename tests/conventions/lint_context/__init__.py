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
