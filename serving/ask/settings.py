"""The settings as a question sees them: those that the publication was built with.

Where none are told, as over events without a publication, they are the project's dbt vars, each overridden by
FOOTFALL_<NAME>. The project is that of the repository, unless FOOTFALL_PROJECT_DIR names another folder.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import yaml

from ingest.settings import as_value, project_folder

BUILT_WITH: ContextVar[Mapping[str, object] | None] = ContextVar("BUILT_WITH", default=None)


@contextmanager
def built_with(settings: Mapping[str, object] | None) -> Iterator[None]:
    """Let questions see the settings of a publication, for the time of a with block; None: those of the project."""
    token = BUILT_WITH.set(settings)
    try:
        yield
    finally:
        BUILT_WITH.reset(token)


@cache
def _project_vars(path: Path) -> dict[str, object]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["vars"])


def setting(name: str) -> object:
    """Return the value of the setting `name`.

    Raises KeyError where dbt_project.yml knows no such setting.
    """
    told = BUILT_WITH.get()
    if told is not None and name in told:
        value = told[name]
        return as_value(value) if isinstance(value, str) else value
    default = _project_vars(project_folder() / "dbt_project.yml")[name]
    text = None if told is not None else os.environ.get(f"FOOTFALL_{name.upper()}")
    return as_value(text) if text else default
