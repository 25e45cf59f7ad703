"""Where a figure on a page leads: each address is made of the state of the page that shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from serving.drawing.html import View
from serving.figures.figure import SEGMENTS
from serving.pages.asked import Asked


@dataclass(frozen=True)
class Links:
    """The addresses of one figure: `name` is the figure's, `path` that of the page on which it stands."""

    name: str
    path: str
    asked: Asked
    # who sees one app alone has no app to choose
    is_of_one_app: bool = False

    @property
    def figure(self) -> str:
        """The page of this figure alone."""
        return self.asked.at(f"/figures/{self.name}")

    @property
    def fragment(self) -> str:
        """The figure as it stands in a page."""
        address = self.asked.at(f"/figures/{self.name}.html")
        return f"{address}{'&' if '?' in address else '?'}{urlencode({'on': self.path})}"

    @property
    def csv(self) -> str:
        """All its rows."""
        return self.asked.at(f"/figures/{self.name}.csv")

    def metric(self, name: str) -> str:
        """What a metric means, and where it comes from."""
        return self.asked.but(creator=None).at(f"/metrics/{name}")

    def explore(self, view: View) -> str:
        """The question of a figure, to be changed."""
        question = json.dumps(json.loads(view.asked.partition("\n-- ")[0]), separators=(",", ":"), ensure_ascii=False)
        return f"/explore?{urlencode({'question': question})}"

    def of(self, column: str, value: str) -> str | None:
        """Where a value of a column leads: what it names is filtered by, or has a page of its own."""
        if not value:
            return None
        page = self.asked.but(creator=None)
        if column in SEGMENTS and not self.asked.creator:
            return page.at(self.path, segment=f"{column}={value}")
        if column == "app" and not self.is_of_one_app:
            return page.at(self.path, app=value)
        if column == "creator_id":
            return page.at(f"/creators/{quote(value, safe='')}")
        return None
