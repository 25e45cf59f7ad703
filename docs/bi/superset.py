"""Make Footfall's database, datasets and a dashboard in a running Superset, by its REST API.

It needs Python alone. Run again, it takes what is there by its name and changes nothing of it.

    python docs/bi/superset.py --marts HOME/published/marts.duckdb --url http://127.0.0.1:8088 --password …
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

TITLE = "the business by month"
# a chart of one segment and one kind of period, whole periods alone: rows of several are never added up
OF_ALL = ("period = 'month'", "segment = 'all'", "is_complete")
CHARTS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "Active persons each month": (
        "metric_active_persons",
        "echarts_timeseries_line",
        [("Active persons", "MAX(metric_value)")],
    ),
    "Revenue each month": (
        "fct_revenue_overview",
        "echarts_timeseries_bar",
        [("Revenue", "MAX(revenue_cents) / 100.0")],
    ),
    "Who came, came back and fell silent": (
        "fct_growth_accounting",
        "echarts_timeseries_bar",
        [
            ("New", "MAX(new_persons)"),
            ("Returning", "MAX(returning_persons)"),
            ("Resurrected", "MAX(resurrected_persons)"),
            ("Dormant", "-MAX(dormant_persons)"),
        ],
    ),
    "Bounce rate": ("metric_bounce_rate", "echarts_timeseries_line", [("Bounce rate", "MAX(metric_value)")]),
}


class Superset:
    """A session with Superset's REST API."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url.rstrip("/")
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self._headers = {"Content-Type": "application/json", "Referer": self._url}
        login = {"username": user, "password": password, "provider": "db", "refresh": True}
        self._headers["Authorization"] = f"Bearer {self.call('POST', 'security/login', login)['access_token']}"
        self._headers["X-CSRFToken"] = self.call("GET", "security/csrf_token/")["result"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call one route and return its JSON; SystemExit with what Superset says where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/api/v1/{path}", data, self._headers, method=method)
        try:
            with self._opener.open(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise SystemExit(
                f"Superset refuses {method} {path} ({error.code}): {error.read().decode()[:500]}"
            ) from error
        except urllib.error.URLError as error:
            raise SystemExit(f"No Superset answers at {self._url}: {error.reason}. Start it first.") from error

    def made(self, kind: str, column: str, name: str, body: dict[str, Any], database: int | None = None) -> int:
        """Return the id of what has this name (and is of this database), made now where there is none."""
        filters: list[dict[str, Any]] = [{"col": column, "opr": "eq", "value": name}]
        if database is not None:
            filters.append({"col": "database", "opr": "rel_o_m", "value": database})
        query = urllib.parse.quote(json.dumps({"filters": filters}))
        found = self.call("GET", f"{kind}/?q={query}")["result"]
        return int(found[0]["id"] if found else self.call("POST", f"{kind}/", body)["id"])


def metric(label: str, sql: str) -> dict[str, Any]:
    """A measure by its SQL. The rows of a chart are one each, so that MAX only takes them out of their group."""
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label, "optionName": f"metric_{label}"}


def chart_of(name: str, dataset: int, kind: str, measures: list[tuple[str, str]]) -> dict[str, Any]:
    """A chart as Superset keeps it."""
    where = [
        {"expressionType": "SQL", "clause": "WHERE", "sqlExpression": one, "filterOptionName": one} for one in OF_ALL
    ]
    params = {
        "datasource": f"{dataset}__table",
        "viz_type": kind,
        "x_axis": "period_start",
        "time_grain_sqla": "P1M",
        "metrics": [metric(*one) for one in measures],
        "groupby": [],
        "adhoc_filters": where,
        "row_limit": 10000,
        "stack": "Stack" if len(measures) > 1 else None,
        "show_legend": len(measures) > 1,
        "y_axis_format": ".1%" if "rate" in name else "SMART_NUMBER",
        "x_axis_time_format": "smart_date",
        "rich_tooltip": True,
    }
    return {
        "slice_name": name,
        "viz_type": kind,
        "datasource_id": dataset,
        "datasource_type": "table",
        "params": json.dumps(params),
    }


def layout(title: str, charts: list[tuple[int, str]]) -> dict[str, Any]:
    """Two charts in a row."""
    rows = [charts[place : place + 2] for place in range(0, len(charts), 2)]
    said: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {
            "type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": [f"ROW-{n}" for n in range(len(rows))]
        },
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
    }  # fmt: skip
    for number, row in enumerate(rows):
        parents = ["ROOT_ID", "GRID_ID", f"ROW-{number}"]
        said[f"ROW-{number}"] = {
            "type": "ROW", "id": f"ROW-{number}", "parents": parents[:2],
            "children": [f"CHART-{key}" for key, _ in row],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }  # fmt: skip
        for key, name in row:
            meta = {"chartId": key, "width": 6, "height": 50, "sliceName": name, "sliceNameOverride": name}
            said[f"CHART-{key}"] = {
                "type": "CHART",
                "id": f"CHART-{key}",
                "children": [],
                "parents": parents,
                "meta": meta,
            }
    return said


def main() -> None:
    """Make all of it, and say where it is."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--marts", type=Path, required=True, help="published/marts.duckdb of a home")
    arguments.add_argument("--url", default="http://127.0.0.1:8088")
    arguments.add_argument("--name", default="Footfall", help="what the database is called in Superset")
    arguments.add_argument("--user", default="admin")
    arguments.add_argument("--password", default=os.environ.get("SUPERSET_PASSWORD", ""))
    said = arguments.parse_args()
    # the link is kept as it is: it leads to whatever is published
    marts = Path.cwd() / said.marts.expanduser()
    if not marts.exists():
        raise SystemExit(f"There is no {marts}. `footfall build` publishes it.")
    superset = Superset(said.url, said.user, said.password)
    connection = {"engine_params": {"connect_args": {"read_only": True}}}
    database = superset.made(
        "database", "database_name", said.name,
        {"database_name": said.name, "sqlalchemy_uri": f"duckdb:///{marts}", "extra": json.dumps(connection)},
    )  # fmt: skip
    charts = []
    for title, (relation, kind, measures) in CHARTS.items():
        table = {"database": database, "schema": "main", "table_name": relation}
        dataset = superset.made("dataset", "table_name", relation, table, database)
        name = f"{said.name}: {title}"
        charts.append((superset.made("chart", "slice_name", name, chart_of(name, dataset, kind, measures)), title))
    title = f"{said.name}: {TITLE}"
    dashboard = superset.made(
        "dashboard", "dashboard_title", title,
        {"dashboard_title": title, "published": True, "position_json": json.dumps(layout(title, charts))},
    )  # fmt: skip
    for key, _ in charts:
        superset.call("PUT", f"chart/{key}", {"dashboards": [dashboard]})
    print(f"{len(charts)} charts on {said.url}/superset/dashboard/{dashboard}/")


if __name__ == "__main__":
    main()
