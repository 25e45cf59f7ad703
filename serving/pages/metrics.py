"""What a metric means: its card, what it is read from, and its rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving import reader
from serving.figures import Figure, Source
from serving.figures.figure import NoSuchError, nearest_of
from serving.figures.filters import PERIODS
from serving.pages.figures import figures_in
from serving.pages.site import Entry, Site, Visit


def routes(site: Site) -> Sequence[BaseRoute]:
    """The routes of metrics; the list has a name of its own, as /metrics is told to Prometheus."""
    site.entries.append(Entry("Definitions", "/definitions", 1000))
    return [site.page("/definitions", _definitions), site.page("/metrics/{name}", _metric)]


def of_metric(source: Source, name: str) -> Figure | None:
    """A published metric as a figure of its own: its course."""
    card = source.card(name)
    if card is None:
        return None
    rows = reader.read(source.connection, f"select distinct period, segment from metric_{name}").fetchall()  # noqa: S608
    periods = [period for period in PERIODS if period in {row[0] for row in rows}]
    segments = sorted({row[1] for row in rows})
    by = next((segment for segment in segments if segment not in ("all", "app")), None)
    return Figure.model_validate(
        {
            "name": f"metric_{name}",
            "title": card["title"],
            "metrics": [name],
            "periods": periods or [*PERIODS],
            "by": None if "all" in segments or not segments else by,
            "draw": {"as": "lines"},
            "empty": "Nothing has been published of this metric for these days; a longer range may show it.",
        }
    )


def _metrics(source: Source) -> dict[str, dict[str, str]]:
    names = (name.removeprefix("metric_") for name in source.catalog["relations"] if name.startswith("metric_"))
    return {name: card for name in sorted(names) if (card := source.card(name))}


def _definitions(visit: Visit) -> Response:
    owners: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for name, card in _metrics(visit.source).items():
        owners.setdefault(card["owner"], []).append((name, card))
    return visit.site.html(visit, "pages/definitions.html.jinja", owners=sorted(owners.items()))


def _metric(visit: Visit) -> Response:
    name, source = visit.request.path_params["name"], visit.source
    figure = of_metric(source, name)
    if figure is None:
        raise NoSuchError(f"No metric {name!r} is published{nearest_of(name, _metrics(source))}")
    relation = f"metric_{name}"
    lineage = _lineage(visit.site.home, relation)
    shown: dict[str, Any] = {
        "name": name,
        "card": source.card(name),
        "grain": source.catalog["relations"][relation].get("grain", ""),
        "relation": relation,
        "lineage": lineage,
        "described": {
            one: source.catalog["relations"].get(one, {}).get("grain", "") for step in lineage for one in step
        },
        "shown_in": [
            board
            for board in visit.library.chosen([])
            if any(
                name in (*visit.library.figures[one.figure].metrics, *visit.library.figures[one.figure].cards)
                for one in board.figures
            )
        ],
    }
    parts = figures_in(visit, f"/metrics/{name}", [(figure, 12, False)])
    return visit.site.streamed(visit, "pages/metric.html.jinja", parts, **shown)


def _lineage(home: Path, relation: str) -> list[list[str]]:
    """What a relation is read from, step by step back to what has landed; nothing where no build has said it."""
    parents = _read_parents(home / "dbt" / "target" / "manifest.json")
    steps, seen, now = [], {relation}, [relation]
    while now := sorted({parent for one in now for parent in parents.get(one, ()) if parent not in seen}):
        steps.append(now)
        seen.update(now)
    return steps


def _read_parents(manifest: Path) -> dict[str, list[str]]:
    """What the manifest of the last build says of who reads whom."""
    try:
        return _parents(manifest, manifest.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError):
        return {}


@lru_cache(maxsize=1)
def _parents(manifest: Path, _: int) -> dict[str, list[str]]:
    """The same, read once for each time at which the file was written."""
    told = orjson.loads(manifest.read_bytes())["parent_map"]
    return {
        _name(node): [_name(parent) for parent in parents]
        for node, parents in told.items()
        if node.startswith(("model.", "seed."))
    }


def _name(node: str) -> str:
    return node.rpartition(".")[2]
