"""The SQL of one named step of a model, for tests that hold a rule where it stands."""

import re
from pathlib import Path

MODELS = Path(__file__).parents[1] / "models"


def step_of(model: str, step: str, **relations: str) -> str:
    """The select of a step that has no Jinja but `ref`; `relations` stand in for what it refers to."""
    (path,) = MODELS.rglob(f"{model}.sql")
    found = re.search(rf"^{step} as \(\n(.*?)^\)", path.read_text(), re.DOTALL | re.MULTILINE)
    assert found, f"{model} has no step {step}"
    return re.sub(r"\{\{ ref\('(\w+)'\) \}\}", lambda reference: relations[reference[1]], found[1])


def sql_of(model: str) -> str:
    """The whole of a model that has no Jinja but `ref`, over relations of the names that it refers to."""
    (path,) = MODELS.rglob(f"{model}.sql")
    return re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", path.read_text())
