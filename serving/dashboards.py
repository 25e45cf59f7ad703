"""Dashboards: which figures, in which order, for whom. The bundled ones lie in `dashboards/` beside the dbt project.

The user's lie beside them, in a project of their own or in the home: `dashboards/*.yml`, with figures of their own in
`dashboards/figures/*.yml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from serving.drawing.html import view
from serving.figures.figure import (
    NAME,
    Figure,
    FigureError,
    Name,
    NoSuchError,
    Said,
    nearest_of,
    read_figures,
    read_yaml,
    sentences,
)
from serving.figures.fill import fill
from serving.figures.filters import Source

SCHEMA = "https://json-schema.org/draft/2020-12/schema"
NEW = """\
# yaml-language-server: $schema=./dashboard.schema.json
title: {title}
about: What somebody finds here, in one sentence.
owner: {{name: Product}}
figures:
{figures}
"""
BEGINNING = ("{figure: headline, width: 12}", "active_persons", "growth_accounting")


class Owner(Said):
    """Who answers for a dashboard."""

    name: Annotated[str, Field(min_length=1)]
    email: str | None = None


class Placed(Said):
    """A figure on a dashboard, as wide as so many of twelve columns; an optional one is left out where it is empty."""

    figure: Name
    width: Annotated[int, Field(ge=3, le=12)] = 6
    optional: bool = False


class Fixed(Said):
    """Filters that a dashboard sets, where its reader asks for nothing else."""

    app: str | None = None
    date_from: date | None = None
    date_to: date | None = None


class Dashboard(Said):
    """A list of figures for somebody."""

    name: Name = Field(exclude=True)
    title: Annotated[str, Field(min_length=1)]
    about: Annotated[str, Field(min_length=1)]
    owner: Owner
    place: int = 100
    filters: Fixed = Fixed()
    figures: Annotated[list[Placed], Field(min_length=1)]

    @field_validator("figures", mode="before")
    @classmethod
    def _names_alone(cls, figures: Any) -> Any:
        if not isinstance(figures, list):
            return figures
        return [{"figure": figure} if isinstance(figure, str) else figure for figure in figures]


@dataclass(frozen=True)
class Library:
    """All dashboards and figures that a home and its project have, by name."""

    dashboards: dict[str, Dashboard]
    figures: dict[str, Figure]

    def chosen(self, names: Iterable[str]) -> list[Dashboard]:
        """The dashboards of these names, or all, in their order; raise FigureError for a name that there is not."""
        names = list(names)
        for name in names:
            if name not in self.dashboards:
                raise NoSuchError(f"There is no dashboard {name!r}{nearest_of(name, self.dashboards)}")
        found = [self.dashboards[name] for name in names] or list(self.dashboards.values())
        return sorted(found, key=lambda one: (one.place, one.name)) if not names else found


def folders(project: Path, home: Path | None = None) -> list[Path]:
    """Where dashboards lie; the later folder wins."""
    return [folder for folder in (project / "dashboards", home and home / "dashboards") if folder]


def read_library(project: Path, home: Path | None = None) -> Library:
    """Read all dashboards and figures.

    Raises:
        FigureError: a line for each fault, with the file, the key and what is wrong.
    """
    figures = read_figures(folder / "figures" for folder in folders(project, home))
    paths = {path.stem: path for folder in folders(project, home) for path in sorted(folder.glob("*.yml"))}
    faults, dashboards = [], {}
    for name, path in paths.items():
        try:
            dashboards[name] = read_dashboard(path, figures)
        except FigureError as error:
            faults.append(str(error))
    if faults:
        raise FigureError("\n".join(faults))
    return Library(dashboards, figures)


def begin(home: Path, name: str, title: str | None = None, figures: Iterable[str] = BEGINNING) -> Path:
    """Begin a dashboard in a home, with the schemas by which editors complete and check it; return its file.

    Raises:
        FigureError: when the name is none, or taken.
    """
    if not re.fullmatch(NAME, name):
        raise FigureError(f"A dashboard cannot be called {name!r}: take lower case letters, digits and _.")
    folder = home / "dashboards"
    path = folder / f"{name}.yml"
    if path.exists():
        raise FigureError(f"{path} exists already: edit it, or take another name.")
    folder.mkdir(parents=True, exist_ok=True)
    for model in (Dashboard, Figure):
        schema = folder / f"{model.__name__.lower()}.schema.json"
        schema.write_text(json.dumps(json_schema(model), indent=2) + "\n", encoding="utf-8")
    said = json.dumps(title or name.replace("_", " ").capitalize(), ensure_ascii=False)
    text = NEW.format(title=said if title else said[1:-1], figures="\n".join(f"  - {one}" for one in figures))
    path.write_text(text, encoding="utf-8")
    return path


def read_dashboard(path: Path, figures: dict[str, Figure]) -> Dashboard:
    """Read one dashboard's file; raise FigureError where it is wrong or names a figure that there is not."""
    said = read_yaml(path)
    if "name" in said:
        raise FigureError(f"{path}: `name`: a dashboard's name is that of its file: leave it out.")
    try:
        dashboard = Dashboard.model_validate({**said, "name": path.stem})
    except ValidationError as error:
        raise FigureError(sentences(path, error)) from None
    missing = [placed.figure for placed in dashboard.figures if placed.figure not in figures]
    if missing:
        raise FigureError(
            "\n".join(f"{path}: there is no figure {name!r}{nearest_of(name, figures)}" for name in missing)
        )
    return dashboard


def json_schema(model: type[Dashboard] | type[Figure]) -> dict[str, Any]:
    """The JSON Schema of a dashboard's or a figure's file, by which editors complete and check it."""
    schema = model.model_json_schema(by_alias=True)
    schema["properties"].pop("name")
    # what a question is drawn as may be left to what fits it
    schema["required"] = [key for key in schema["required"] if key not in ("name", "draw")]
    if model is Dashboard:
        schema["properties"]["figures"]["items"] = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Placed"}]}
    return {"$schema": SCHEMA, **schema}


def faults_of(library: Library, source: Source) -> list[str]:
    """What keeps figures from being read from a publication, a line each."""
    faults, filters = [], source.filters()
    for figure in library.figures.values():
        try:
            view(fill(figure, source, filters), source)
        except FigureError as error:
            faults.append(str(error))
    return faults
