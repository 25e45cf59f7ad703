"""The project's settings as a question sees them: dbt vars, each overridden by FOOTFALL_<NAME>.

The project is that of the repository, unless FOOTFALL_PROJECT_DIR names another folder.
"""

import os
from functools import cache
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


@cache
def _project_vars(path: Path) -> dict[str, object]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["vars"])


def setting(name: str) -> object:
    """Return the value of the setting `name`; the environment variable FOOTFALL_<NAME> comes first, unless it is empty.

    Raises KeyError where dbt_project.yml knows no such setting.
    """
    project = Path(os.environ.get("FOOTFALL_PROJECT_DIR") or REPOSITORY).expanduser()
    default = _project_vars(project / "dbt_project.yml")[name]
    text = os.environ.get(f"FOOTFALL_{name.upper()}")
    return yaml.safe_load(text) if text else default
