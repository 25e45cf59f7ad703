"""models/_dashboards.yml: each dashboard as an exposure, so that lineage ends with who looks at the numbers.

Written by `make docs`; a test holds that it is what the dashboards and figures say.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import yaml

from serving.dashboards import Dashboard, Library

FILE = Path("models/_dashboards.yml")
HEAD = "# Written by `make docs` from dashboards/*.yml and their figures. Edit those.\n"
NAMED = re.compile(r"\b(?:from|join)\s+(\w+)", re.IGNORECASE)
QUESTIONS_READ = ("events", "fct_person_days", "fct_sessions")


def exposures(library: Library, models: Collection[str]) -> str:
    """The file's text.

    Args:
        library: the dashboards of a project, and their figures.
        models: the names of its models, among which a figure's relations are.
    """
    found = [_exposure(library, dashboard, models) for dashboard in library.chosen([])]
    text: str = yaml.safe_dump({"version": 2, "exposures": found}, sort_keys=False, allow_unicode=True, width=150)
    return HEAD + text


def write(library: Library, root: Path) -> Path:
    """Write the file below the root of a dbt project."""
    models = {path.stem for path in (root / "models").rglob("*") if path.suffix in (".sql", ".py")}
    path = root / FILE
    path.write_text(exposures(library, models), encoding="utf-8")
    return path


def _exposure(library: Library, dashboard: Dashboard, models: Collection[str]) -> dict[str, object]:
    read: set[str] = set()
    for placed in dashboard.figures:
        figure = library.figures[placed.figure]
        for one in (figure, figure.instead):
            if one is not None:
                read |= {f"metric_{name}" for name in one.metrics}
                read |= set(NAMED.findall(one.sql or ""))
                read |= set(QUESTIONS_READ if one.question else ())
    return {
        "name": f"dashboard_{dashboard.name}",
        "label": dashboard.title,
        "type": "dashboard",
        "maturity": "high",
        "description": f"{dashboard.about} `footfall report --dashboard {dashboard.name}` shows it.",
        "owner": dashboard.owner.model_dump(exclude_none=True),
        "depends_on": [f"ref('{name}')" for name in sorted(read & set(models))],
    }
