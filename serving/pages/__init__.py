"""Pages: the dashboards of a home in a browser, with filters in the address, and what explains each number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from serving.pages import creators, dashboards, explore, health, keys, live, metrics
from serving.pages.site import Site
from serving.snapshots import Snapshots

__all__ = ["Site", "pages"]

# what each part of the pages answers, in the order in which paths are looked up
PARTS: tuple[Callable[[Site], Sequence[BaseRoute]], ...] = (
    *(dashboards.routes, metrics.routes, creators.routes, explore.routes, live.routes),
    *(health.routes, keys.routes),
)


def pages(home: Path, project: Path, snapshots: Snapshots, *, is_live: bool = False) -> list[BaseRoute]:
    """The routes of all pages of a home, read by its snapshots.

    Args:
        home: the folder of all state.
        project: the dbt project, beside which the bundled dashboards lie.
        snapshots: what is shown of it, shared with whatever else is served.
        is_live: whether `/ws/analytics/live` is served beside them.
    """
    site = Site(home, project, snapshots, is_live=is_live)
    threading.Thread(target=site.warm, name="pages", daemon=True).start()
    return [*site.assets.routes(), *(route for part in PARTS for route in part(site))]
