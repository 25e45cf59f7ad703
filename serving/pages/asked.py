"""What an address asks for: the app, the days, a segment, the period before. The whole state of a page is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from serving.figures import FigureError, Filters, Source
from serving.figures.filters import AppData
from serving.periods import months_before

DEFAULT = "12m"
# presets follow the data's last day, so that an address that is kept moves on with them
RANGES = {
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "month": "This month",
    "last_month": "Last month",
    DEFAULT: "Last 12 months",
    "year": "This year",
    "all": "All time",
}


@dataclass(frozen=True)
class Asked:
    """The state of a page; `range` is a preset, and none where days are given."""

    app: str | None = None
    range: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    compare: bool = False
    segment: str | None = None
    creator: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """What a query asks for; raise FigureError for what cannot be meant."""
        first, last = _day(query, "from"), _day(query, "to")
        chosen = None if first or last else query.get("range") or DEFAULT
        if chosen is not None and chosen not in RANGES:
            raise FigureError(f"The range is {chosen!r}. Legal: {', '.join(RANGES)}; or give `from` and `to`.")
        compare = query.get("compare", "") not in ("", "0", "false")
        return cls(
            query.get("app") or None,
            chosen,
            first,
            last,
            compare,
            query.get("segment") or None,
            query.get("creator") or None,
        )

    def but(self, **changes: Any) -> Asked:
        """The same, with something else asked for."""
        return replace(self, **changes)

    @property
    def query(self) -> str:
        """The state as an address has it; what is the default is left out."""
        said = {
            "app": self.app,
            "range": None if self.range == DEFAULT else self.range,
            "from": self.date_from and self.date_from.isoformat(),
            "to": self.date_to and self.date_to.isoformat(),
            "compare": "1" if self.compare else None,
            "segment": self.segment,
            "creator": self.creator,
        }
        return urlencode({key: value for key, value in said.items() if value})

    def at(self, path: str, **changes: Any) -> str:
        """A path with this state."""
        query = self.but(**changes).query
        return f"{path}?{query}" if query else path

    def filters(self, source: Source) -> Filters:
        """The filters of this state; raise FigureError as `Source.filters` does."""
        first, last = self.date_from, self.date_to
        data = source.data_of(self.app)
        if self.range and self.range != DEFAULT and data is not None:
            first, last = _days(self.range, data)
        found = source.filters(self.app, first, last, self.segment)
        return replace(found, compare=self.compare, creator=self.creator)


def _days(name: str, data: AppData) -> tuple[date, date]:
    """The first and the last day of a preset."""
    last = data.last_day
    if name == "month":
        return last.replace(day=1), last
    if name == "last_month":
        return months_before(last, 1), last.replace(day=1) - timedelta(days=1)
    if name == "year":
        return last.replace(month=1, day=1), last
    if name == "all":
        return data.first_day, last
    return last - timedelta(days=int(name.removesuffix("d")) - 1), last


def _day(query: Mapping[str, str], name: str) -> date | None:
    said = query.get(name)
    if not said:
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise FigureError(f"`{name}` is {said!r}, which is no day. Write it as 2026-03-31.") from None
