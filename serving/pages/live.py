"""Live: what comes in now, where that is served; and what has landed and is published, where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.pages import health
from serving.pages.site import Entry, Site, Visit

FOLDER = Path(__file__).parent


def routes(site: Site) -> Sequence[BaseRoute]:
    """The route of the page."""
    site.entries.append(Entry("Live", "/live", 13))
    site.assets.add("live.js", FOLDER / "live.js")
    return [site.page("/live", _live)]


def _live(visit: Visit) -> Response:
    return visit.site.streamed(visit, "pages/live.html.jinja", iter(health.told(visit)), is_live=visit.site.is_live)
