"""A report: dashboards as one HTML file that needs nothing but a browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from serving.dashboards import Dashboard, Library
from serving.drawing import theme, vega
from serving.drawing.html import View, environment, read, view
from serving.drawing.numbers import day_text
from serving.figures import Filters, Source, fill

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """A dashboard with its figures, and how wide each is."""

    dashboard: Dashboard
    views: list[tuple[View, int]]

    @property
    def is_empty(self) -> bool:
        """Whether none of its figures has anything to show."""
        return all(one.empty for one, _ in self.views)


def report(library: Library, dashboards: Sequence[Dashboard], source: Source, filters: Filters, title: str) -> str:
    """The page of these dashboards, whole: styles, scripts and data are in it, and it asks for nothing outside.

    Args:
        library: the figures that dashboards name.
        dashboards: which ones, in their order.
        source: the publication that is read.
        filters: what its reader asked for; a dashboard's own filters fill in the app where that is open.
        title: of the page.

    Raises:
        FigureError: when a figure's SQL or question is wrong.
    """
    sections = [Section(one, _views(library, one, source, filters)) for one in dashboards]
    shown = [section for section in sections if not section.is_empty]
    if not shown or len(sections) == 1:
        shown = sections
    is_drawn = any(one.spec for section in shown for one, _ in section.views)
    script = read("figure.js")
    drawing = vega.script() if is_drawn else ""
    style = theme.css() + read("figure.css") + (FOLDER / "page.css").read_text(encoding="utf-8")
    return (
        environment()
        .get_template("report/page.html.jinja")
        .render(
            title=title,
            range=_range(filters),
            freshness=_freshness(source, filters),
            publication=source.catalog.get("publication", ""),
            footer=f"Days are those of {source.timezone.key}; money is in {source.currency}.",
            sections=shown,
            left_out=[section.dashboard.title for section in sections if section not in shown],
            policy=policy([text for text in (drawing, script) if text]),
            style=Markup(style),
            script=Markup(script),
            library=Markup(drawing),
            themes=theme.drawn_with(),
        )
    )


def policy(scripts: Sequence[str]) -> str:
    """The content security policy of a page: nothing from outside, and no script but these."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {hashes}; {rest}"


def _views(library: Library, dashboard: Dashboard, source: Source, filters: Filters) -> list[tuple[View, int]]:
    app = filters.app or (dashboard.filters.app if dashboard.filters.app in source.apps else None)
    own = Filters(
        dashboard.filters.date_from or filters.date_from,
        dashboard.filters.date_to or filters.date_to,
        app,
        filters.segment,
    )
    views = [(placed, view(fill(library.figures[placed.figure], source, own), source)) for placed in dashboard.figures]
    return [(one, placed.width) for placed, one in views if not (placed.optional and one.empty)]


def _range(filters: Filters) -> str:
    what = filters.app or "all apps"
    if filters.segment:
        what += f", {filters.segment[0].replace('_', ' ')} {filters.segment[1]}"
    return f"{what} · {day_text(filters.date_from)} – {day_text(filters.date_to)}"


def _freshness(source: Source, filters: Filters) -> str:
    data = source.data_of(filters.app)
    if data is None:
        return "No events yet."
    clock = data.clock.astimezone(source.timezone)
    published = source.catalog.get("published_at")
    text = f"As of {day_text(clock)} {clock:%H:%M} {source.timezone.key}, the last of {data.events:,} events"
    if published:
        moment = datetime.fromisoformat(published).astimezone(UTC)
        text += f"; published on {day_text(moment)} at {moment:%H:%M} UTC"
    return text + "."
