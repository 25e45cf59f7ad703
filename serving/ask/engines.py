"""Render the analysis engines of macros/engines with plain Jinja: the very files that the dbt marts call."""

from functools import cache
from pathlib import Path
from types import ModuleType

from jinja2 import Environment, StrictUndefined

ENGINES = Path(__file__).resolve().parents[2] / "macros" / "engines"


@cache
def _library(folder: Path) -> ModuleType:
    environment = Environment(undefined=StrictUndefined, autoescape=False, extensions=["jinja2.ext.do"])
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql")))
    return environment.from_string(text).module  # type: ignore[return-value]


def engine(name: str, **arguments: object) -> str:
    """Return the SQL of the engine macro `name` for these arguments: a select that can stand in a CTE.

    Raises AttributeError where no such macro exists and TypeError for an argument that it does not take.
    """
    return str(getattr(_library(ENGINES), name)(**arguments)).strip()


def steps(last: str, **named: str) -> str:
    """Return one query of named steps (CTEs, in their order) and the select that ends it."""
    return "with " + ",\n".join(f"{name} as ({sql})" for name, sql in named.items()) + "\n" + last
