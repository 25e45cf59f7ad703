"""Small published homes: every relation by its contract and every card by its metric, with a test's own rows.

A whole build costs half a minute; what is tested here is what readers do with rows, whatever they hold.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

from serving.publications import published_dir, show

REPOSITORY = Path(__file__).parents[3]
CARD = re.compile(r"\{\{ config\(meta=(\{.*?\})\) \}\}", re.DOTALL)
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def contracts() -> dict[str, dict[str, str]]:
    """The columns and types of every published mart, of the clocks and the ids, which are internal."""
    found = {}
    for path in [
        *(REPOSITORY / "models" / "marts").rglob("*.yml"),
        *(REPOSITORY / "models").rglob("_clocks__models.yml"),
        *(REPOSITORY / "models").rglob("_identities__models.yml"),
    ]:
        for model in yaml.load(path.read_text(), yaml.CSafeLoader).get("models", []):
            columns = {column["name"]: column["data_type"] for column in model["columns"] if "data_type" in column}
            if columns:
                found[model["name"]] = columns
    return found


def cards() -> dict[str, dict[str, str]]:
    files = (REPOSITORY / "models" / "marts").rglob("metric_*.sql")
    return {path.stem: ast.literal_eval(CARD.match(path.read_text())[1])["card"] for path in files}  # type: ignore[index]


FIRST = "20260101T000000_000000_abcdef"


def publish_rows(home: Path, rows: Rows, settings: Mapping[str, Any] | None = None, name: str = FIRST) -> Path:
    """Publish these rows in a home; a relation that is not named is empty."""
    publication = published_dir(home) / "publications" / name
    publication.mkdir(parents=True)
    (published_dir(home) / "files").mkdir(exist_ok=True)
    known, explained = contracts(), cards()
    with duckdb.connect(str(publication / "marts.duckdb")) as marts:
        marts.execute("begin")
        marts.execute("create schema internal")
        for relation, columns in known.items():
            # a row that says nothing of bots is a person's
            told = {column: f"{kind} default false" if column == "is_bot" else kind for column, kind in columns.items()}
            typed = ", ".join(f'"{column}" {kind}' for column, kind in told.items())
            schema = "internal" if relation.startswith("int_") else "main"
            marts.execute(f'create table {schema}."{relation}" ({typed})')
            for row in rows.get(relation, []):
                assert row.keys() <= columns.keys(), f"{relation} has no {row.keys() - columns.keys()}"
                names, marks = ", ".join(f'"{column}"' for column in row), ", ".join("?" * len(row))
                marts.execute(f'insert into {schema}."{relation}" ({names}) values ({marks})', [*row.values()])
        marts.execute("commit")
    assert rows.keys() <= known.keys()
    catalog = {
        "publication": name,
        "layout": 2,
        "built_at": "2026-01-01T00:00:00+00:00",
        "published_at": "2026-01-01T00:00:00+00:00",
        "inputs": {"settings": dict(settings or {})},
        "relations": {
            relation: {
                "files": [],
                "schema": "internal" if relation.startswith("int_") else "main",
                "columns": [{"name": name, "type": kind} for name, kind in columns.items()],
                **({"card": explained[relation]} if relation in explained else {}),
            }
            for relation, columns in known.items()
        },
    }
    (publication / "catalog.json").write_text(json.dumps(catalog))
    show(home, publication)
    return home


def clocks(*apps: str, first: str = "2024-06-01", last: str = "2025-06-15") -> list[dict[str, Any]]:
    """The clocks of these apps and of all: when their data begin and end."""
    span = {
        "first_event_at": f"{first} 08:00",
        "last_event_at": f"{last} 20:00",
        "first_date": first,
        "last_date": last,
        "known_until_at": f"{last} 20:00",
    }
    return [{"app": app, **span} for app in (*apps, None)]


def metric(
    values: Mapping[str, float | None], period: str = "month", open_from: str = "9999", **segment: str
) -> list[dict[str, Any]]:
    """Rows of a metric by the starts of its periods; `app="x"` makes them of a segment."""
    name, value = next(iter(segment.items()), ("all", "all"))
    of = {"period": period, "segment": name, "segment_value": value}
    return [
        {**of, "period_start": start, "metric_value": number, "is_complete": start < open_from}
        for start, number in values.items()
    ]
