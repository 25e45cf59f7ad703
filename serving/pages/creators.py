"""A creator's own page: how they stand, who their audience is, what they earn and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from serving import reader
from serving.figures.figure import NoSuchError, nearest_of
from serving.pages.figures import figures_in
from serving.pages.site import Site, Visit

FIGURES = {
    "creator_numbers": 12,
    "creator_growth": 6,
    "creator_forecast": 6,
    "creator_audience": 4,
    "creator_audience_by_country": 4,
    "creator_audience_by_device_type": 4,
    "creator_items": 12,
    "creator_recommendations": 12,
}
MOST_NAMED = 20


def routes(site: Site) -> Sequence[BaseRoute]:
    """The route of creators' pages."""
    return [site.page("/creators/{creator:path}", _creator)]


def _creator(visit: Visit) -> Response:
    creator = visit.request.path_params["creator"]
    known = _creators(visit)
    if creator not in known:
        raise NoSuchError(f"There is no creator {creator!r}{nearest_of(creator, known[:MOST_NAMED])}")
    visit.asked = visit.asked.but(creator=creator)
    path = f"/creators/{quote(creator, safe='')}"
    parts = figures_in(visit, path, [(visit.library.figures[name], width, False) for name, width in FIGURES.items()])
    about = "One creator of many: how they stand, who reads them, what they earn."
    return visit.site.streamed(visit, "pages/dashboard.html.jinja", parts, title=creator, about=about)


def _creators(visit: Visit) -> list[str]:
    """The creators that a reader may see, the most read first."""
    rows = reader.read(
        visit.source.connection,
        "select creator_id from fct_creator_overview where $app is null or app = $app "
        "group by creator_id order by sum(views) desc, creator_id",
        {"app": visit.asked.app},
    ).fetchall()
    return [creator for (creator,) in rows]
