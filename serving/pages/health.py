"""Data health: what landing, builds and publications know of themselves, beside the figures that marts know.

Nothing here names a file, an event or a person; the reader of one app is told of its batches alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from ingest.collector.state import protocol_of, waiting
from ingest.landing.batches import BatchReceipt, UnknownBatch, read_batch
from ingest.landing.paths import batches_dir
from serving.drawing.html import SHOWN, Cell, View, raw_text, tile_of
from serving.drawing.numbers import UNKNOWN, duration_text, title_of, value_text
from serving.figures.figure import NoSuchError
from serving.figures.fill import is_number
from serving.pages.asked import Asked
from serving.pages.site import HEADERS, Site, Visit, csv_of
from serving.publications import list_publications, read_catalog
from serving.rows import as_csv

Batches = Sequence[BatchReceipt]
BOARD = "data_health"
MOST_BATCHES = 200
MOST_CATALOGS = 200
# manifests and catalogs are never changed, so each is read once
_receipts: dict[tuple[Path, str], BatchReceipt] = {}


@dataclass(frozen=True)
class HomeLinks:
    """Where what is told of the home leads."""

    name: str
    asked: Asked

    @property
    def figure(self) -> str:
        """The page on which it stands."""
        return self.asked.at(f"/dashboards/{BOARD}")

    @property
    def fragment(self) -> str:
        """It alone."""
        return self.asked.at(f"/data-health/{self.name}.html")

    @property
    def csv(self) -> str:
        """Its rows."""
        return self.asked.at(f"/data-health/{self.name}.csv")

    def of(self, column: str, value: str) -> str | None:
        """Nothing of it can be filtered by."""
        return None


def routes(site: Site) -> Sequence[BaseRoute]:
    """The routes of what is told of the home, which changes between publications."""
    site.moving += [f"/dashboards/{BOARD}", "/data-health/", "/live"]
    return [
        site.page("/data-health/{name}.html", _fragment),
        site.page("/data-health/{name}.csv", _csv),
    ]


def told(visit: Visit) -> Iterable[str]:
    """All that is told of the home, as it stands in the page of Data health."""
    macros: Any = visit.site.templates.get_template("drawing/figure.html.jinja").module
    batches = _batches(visit)
    for name, (width, view) in TOLD.items():
        yield macros.figure(view(visit, batches), width, HomeLinks(name, visit.asked))


def _fragment(visit: Visit) -> Response:
    name = visit.request.path_params["name"]
    macros: Any = visit.site.templates.get_template("drawing/figure.html.jinja").module
    text = macros.figure(_view(visit, name), 12, HomeLinks(name, visit.asked))
    return Response(text, headers=HEADERS, media_type="text/html; charset=utf-8")


def _csv(visit: Visit) -> Response:
    view = _view(visit, visit.request.path_params["name"])
    return csv_of(view.name, as_csv(view.column_names, [[cell.raw for cell in row] for row in view.cells]))


def _view(visit: Visit, name: str) -> View:
    if name not in TOLD:
        raise NoSuchError(f"Nothing is told of {name!r}. Known: {', '.join(TOLD)}.")
    return TOLD[name][1](visit, _batches(visit))


def _batches(visit: Visit) -> Batches:
    """The batches that a reader may know of, the newest last."""
    home, found = visit.site.home, []
    for path in sorted(batches_dir(home).glob("[0-9]*.json")):
        place = (home, path.stem)
        if place not in _receipts:
            try:
                _receipts[place] = read_batch(home, path.stem)
            except (UnknownBatch, ValueError):  # taken back meanwhile, or written by a later version
                continue
        found.append(_receipts[place])
    app = visit.filters.app
    return [batch for batch in found if app is None or batch.app == app]


def _headline(visit: Visit, batches: Batches) -> View:
    build = _build(visit.site.home)
    checks = visit.snapshot.catalog.get("checks", {})
    sums = {name: sum(getattr(one, name) for one in batches) for name in ("received", "duplicate", "quarantined")}
    tiles = [
        _tile("Batches landed", len(batches), _ago("the last one", batches[-1].loaded_at) if batches else ""),
        _tile("Events received", sums["received"], f"{sums['duplicate']:,} landed before"),
        _tile("Rows quarantined", sums["quarantined"], _share(sums["quarantined"], sums["received"])),
        _tile("Last build took", build.get("seconds"), build.get("status", ""), "seconds"),
        _tile("Checks passed", checks.get("passed"), f"{len(checks.get('warned', []))} warn"),
    ]
    if visit.snapshot.app is None:
        left = waiting(visit.site.home)
        tiles.insert(3, _tile("Events waiting to land", left.events, f"in {left.files:,} files"))
    rows = [[tile["label"], tile["raw"], tile["period"]] for tile in tiles]
    return _shown(visit, "landed", "What has landed, and what was built of it", "numbers", {"tiles": tiles}, rows)


def _quarantine(visit: Visit, batches: Batches) -> View:
    reasons: Counter[str] = Counter()
    last: dict[str, datetime] = {}
    for batch in batches:
        reasons.update(batch.quarantined_by_reason)
        last.update(dict.fromkeys(batch.quarantined_by_reason, batch.loaded_at))
    rows: list[list[Any]] = [[reason, count, last[reason]] for reason, count in reasons.most_common()]
    largest = max(reasons.values(), default=1)
    body = {
        "column": "reason",
        "heading": "Reason",
        "headings": ["Rows", "Last landed"],
        "rows": [
            {
                "value": reason,
                "label": title_of(reason),
                "raw": str(count),
                "share": f"{count / largest * 100:.1f}",
                "values": [value_text(count, is_full=True), value_text(at.astimezone(UTC))],
                "change": None,
            }
            for reason, count, at in rows
        ],
        "shown": SHOWN,
        "total": len(rows),
    }
    empty = "No row has been refused. What cannot be an event lies in quarantine, with its bytes and the reason."
    return _shown(visit, "quarantine", "Rows in quarantine, by reason", "ranking", body, rows, empty)


def _landed_batches(visit: Visit, batches: Batches) -> View:
    rows = [
        [
            batch.loaded_at,
            batch.app,
            protocol_of(batch) or batch.source.mapping or batch.source.format,
            *(batch.received, batch.accepted, batch.duplicate, batch.quarantined),
            *(batch.min_event_date, batch.max_event_date),
        ]
        for batch in reversed(batches[-MOST_BATCHES:])
    ]
    empty = "No batch has landed. `footfall load FILE` lands one, and so does what `footfall serve` receives."
    return _shown(visit, "batches", "The latest batches", "table", {"shown": SHOWN, "changes": []}, rows, empty)


def _publications(visit: Visit, _: Batches) -> View:
    rows = []
    for folder in list_publications(visit.site.home):
        try:
            kept = _catalog(folder)
        except (OSError, ValueError):  # dropped meanwhile
            continue
        checks = kept["checks"] or {}
        batches = (kept["inputs"] or {}).get("batches") or {}
        rows.append(
            [
                _moment(kept["published_at"]),
                _moment(kept["built_at"]),
                batches.get("count") if visit.snapshot.app is None else None,
                checks.get("passed"),
                len(checks.get("warned") or []),
                folder.name == visit.snapshot.id,
            ]
        )
    return _shown(visit, "publications", "Publications that are kept", "table", {"shown": SHOWN, "changes": []}, rows)


COLUMNS = {
    "landed": ("what", "value", "note"),
    "quarantine": ("reason", "rows", "last_landed_at"),
    "batches": (
        *("landed_at", "default_app", "came_by", "received", "accepted", "duplicate", "quarantined"),
        *("first_event_date", "last_event_date"),
    ),
    "publications": ("published_at", "built_at", "batches", "checks_passed", "checks_that_warn", "is_shown"),
}
TOLD: dict[str, tuple[int, Callable[[Visit, Batches], View]]] = {
    "landed": (12, _headline),
    "quarantine": (4, _quarantine),
    "publications": (8, _publications),
    "batches": (12, _landed_batches),
}
DEFINITIONS = {
    "landed": "Received = accepted + landed before + quarantined. The build is the last one, published or not.",
    "quarantine": "`footfall quarantine list` and `show` have the rows, `replay` takes them in again.",
    "batches": "A batch is one load: a file, or what was received until it was landed. Its events are of the default "
    "app where they name none. Times are UTC.",
    "publications": "Readers see the one that is shown; `footfall publish --rollback` goes back. Times are UTC.",
}


def _shown(
    visit: Visit, name: str, title: str, kind: str, body: dict[str, Any], rows: list[list[Any]], empty: str = ""
) -> View:
    app = visit.filters.app
    columns = COLUMNS[name]
    return View(
        name=name,
        title=title,
        scope=f"app {app}" if app else "all apps",
        kind=kind if rows else "empty",
        body=body,
        definitions=[("", "", DEFINITIONS[name])],
        headings=[title_of(column) for column in columns],
        column_names=[*columns],
        cells=[[_cell(value) for value in row] for row in rows],
        rows=len(rows),
        asked="",
        asked_as="",
        empty=None if rows else empty or "Nothing is published yet.",
    )


def _cell(value: Any) -> Cell:
    shown = value.astimezone(UTC) if isinstance(value, datetime) else value
    return Cell(value_text(shown, is_full=True), raw_text(value), is_number(value))


def _tile(label: str, value: float | None, note: str, unit: str = "number") -> dict[str, Any]:
    return tile_of(label.lower().replace(" ", "_"), label, value, unit, definition=note, period=note)


@lru_cache(maxsize=MOST_CATALOGS)
def _catalog(folder: Path) -> dict[str, Any]:
    catalog = read_catalog(folder)
    return {key: catalog.get(key) for key in ("published_at", "built_at", "checks", "inputs")}


def _build(home: Path) -> dict[str, Any]:
    """How the last build ended, and how many seconds it took."""
    try:
        last = json.loads((home / "build.json").read_bytes())
        started, finished = _moment(last["started_at"]), _moment(last["finished_at"])
    except (OSError, ValueError, KeyError):
        return {}
    seconds = (finished - started).total_seconds() if started and finished else None
    return {"status": str(last.get("status", "")), "seconds": seconds}


def _moment(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None


def _ago(what: str, at: datetime) -> str:
    return f"{what} {duration_text(max(0.0, (datetime.now(UTC) - at).total_seconds()))} ago"


def _share(part: int, whole: int) -> str:
    return f"{value_text(part / whole, 'share')} of those received" if whole else UNKNOWN
