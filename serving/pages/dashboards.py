"""Dashboards and figures: whole pages, single figures, and their rows to take along."""

from __future__ import annotations

import re
from itertools import chain

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.dashboards import Dashboard
from serving.figures import Figure, FigureError
from serving.figures.figure import NoSuchError, nearest_of
from serving.pages import health
from serving.pages.figures import drawing, figure_alone, figures_in
from serving.pages.metrics import of_metric
from serving.pages.site import HEADERS, Site, Visit, as_of, csv_of, published_at
from serving.rows import as_csv


def routes(site: Site) -> list[BaseRoute]:
    """The routes of dashboards and figures."""
    return [
        site.page("/", _first),
        site.page("/dashboards/{name}", _dashboard),
        site.page("/published", _published),
        site.page("/figures/{name}.html", _fragment),
        site.page("/figures/{name}.csv", _csv),
        site.page("/figures/{name}.json", _json),
        site.page("/figures/{name}", _alone),
    ]


def _first(visit: Visit) -> Response:
    boards = visit.library.chosen([])
    if not boards:
        raise FigureError("There is no dashboard. `footfall dashboards new NAME` begins one.")
    return _board(visit, boards[0])


def _dashboard(visit: Visit) -> Response:
    return _board(visit, visit.library.chosen([visit.request.path_params["name"]])[0])


def _board(visit: Visit, board: Dashboard) -> Response:
    asked, path = visit.asked, f"/dashboards/{board.name}"
    if asked.app is None and board.filters.app in visit.source.apps and "app" not in visit.request.query_params:
        asked = asked.but(app=board.filters.app)
    if asked.date_from is None and asked.date_to is None and "range" not in visit.request.query_params:
        first, last = board.filters.date_from, board.filters.date_to
        asked = asked.but(date_from=first, date_to=last, range=None if first or last else asked.range)
    visit.asked = asked
    figures = [(visit.library.figures[one.figure], one.width, one.optional) for one in board.figures]
    is_whole = "whole" in visit.request.query_params
    parts = figures_in(visit, path, figures, is_whole=is_whole)
    if board.name == health.BOARD:
        parts = chain(health.told(visit), parts)
    # who has no scripts is led to the page with all its rows
    whole_at = (
        None if is_whole else str(visit.request.url.include_query_params(whole="1").replace(scheme="", netloc=""))
    )
    return visit.site.streamed(
        visit, "pages/dashboard.html.jinja", parts, title=board.title, about=board.about, whole_at=whole_at
    )


def _figure(visit: Visit) -> Figure:
    name = visit.request.path_params["name"]
    figure = visit.library.figures.get(name) or of_metric(visit.source, name.removeprefix("metric_"))
    if figure is None:
        raise NoSuchError(f"There is no figure {name!r}{nearest_of(name, visit.library.figures)}")
    return figure


def _fragment(visit: Visit) -> Response:
    text = figure_alone(visit, _page_of(visit), _figure(visit))
    return Response(text, headers=HEADERS, media_type="text/html; charset=utf-8")


def _page_of(visit: Visit) -> str:
    """The page that a fragment is for, to which its rows lead back: one of ours, whatever is said."""
    said = visit.request.query_params.get("on", "")
    return said if re.fullmatch(r"/(dashboards|creators|figures|metrics)/[^/\\\s]+", said) else "/"


def _alone(visit: Visit) -> Response:
    figure = _figure(visit)
    parts = figures_in(visit, f"/figures/{figure.name}", [(figure, 12, False)], is_whole=True)
    title = figure.title.replace("{period}", visit.filters.drawn_by(figure.periods))
    return visit.site.streamed(visit, "pages/dashboard.html.jinja", parts, title=title, about="")


def _csv(visit: Visit) -> Response:
    filled = drawing(visit, _figure(visit)).result().filled
    return csv_of(filled.figure.name, as_csv(filled.columns, filled.rows))


def _json(visit: Visit) -> Response:
    filled = drawing(visit, _figure(visit)).result().filled
    told = {
        "figure": filled.figure.name,
        "title": filled.title,
        "scope": filled.scope,
        "period": filled.period,
        "publication": visit.snapshot.id,
        "columns": filled.columns,
        "rows": filled.rows,
        "empty": filled.empty,
        (filled.question and "question") or "sql": filled.question or filled.asked,
    }
    return Response(orjson.dumps(told, default=str), headers=HEADERS, media_type="application/json")


def _published(visit: Visit) -> Response:
    published = published_at(visit.source)
    told = {
        "publication": visit.snapshot.id,
        "as_of": as_of(visit.source, visit.asked.app),
        "published_at": published and published.isoformat(),
    }
    return Response(orjson.dumps(told), headers=HEADERS, media_type="application/json")
