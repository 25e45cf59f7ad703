"""The published results of an experiment as lines of text."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

HEADINGS = (
    "metric",
    "variant",
    "units",
    "value",
    "against the control",
    "95 % interval",
    "p",
    "chance to win",
    "verdict",
)


def results(home: Path, key: str, money: Collection[str]) -> list[str]:
    """What is published of an experiment: whether the split was kept, then a table of its metrics and variants.

    Args:
        home: the folder of all state.
        key: the experiment's.
        money: the metrics whose values are cents of the reporting currency.
    """
    from serving.publications import HomeMovedError, NothingPublishedError, current_publication, read_catalog
    from serving.reader import connect

    try:
        connection = connect(home)
    except NothingPublishedError:
        return ["No results yet: nothing is published. Run `footfall build`."]
    except HomeMovedError as error:
        return [f"No results: {error}"]
    health = _rows(connection.execute("from fct_experiment_health where experiment = ? and status != 'unknown'", [key]))
    if not health:
        return ["No results yet: it was defined after the last build. Run `footfall build`."]
    order = "is_primary desc, metric, is_control desc, variant"
    shown = _rows(connection.execute(f"from fct_experiment_results where experiment = ? order by {order}", [key]))
    publication = current_publication(home)
    settings = read_catalog(publication)["inputs"].get("settings", {}) if publication else {}
    currency = str(settings.get("reporting_currency", "USD"))
    table = [list(HEADINGS), *(_cells(row, currency if row["metric"] in money else None) for row in shown)]
    widths = [max(len(row[place]) for row in table) for place in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return [*_said(health[0]), *lines]


def _said(health: dict[str, Any]) -> list[str]:
    if health["srm_p_value"] is None:
        split = "no unit was exposed yet"
    elif health["is_valid"]:
        split = f"the split was kept (p {health['srm_p_value']:.2g})"
    else:
        split = f"the split was NOT kept (p {health['srm_p_value']:.2g}): no result is valid"
    can_change = "" if health["is_complete"] else "; results can still change"
    lines = [f"{health['status'].replace('_', ' ')}: {health['exposed_units']:,} units count, {split}{can_change}"]
    left_out = [
        f"{health['several_variants_units']:,} units saw several variants and are left out",
        f"{health['misassigned_units']:,} were shown another variant than the hash gives them",
    ]
    lines += [text for text in left_out if not text.startswith("0 ")]
    if health["units_missing"]:
        lines.append(f"{health['units_missing']:,} units are missing to find an effect of the size that is looked for")
    return lines


def _cells(row: dict[str, Any], currency: str | None) -> list[str]:
    """A row as text; what is not known is blank."""

    def number(name: str, pattern: str) -> str:
        return "" if row[name] is None else format(row[name], pattern)

    bounds = (row["improvement_percent_lower"], row["improvement_percent_upper"])
    return [
        row["metric"] + (" (primary)" if row["is_primary"] else ""),
        row["variant"],
        number("units", ","),
        _value(row, currency),
        number("improvement_percent", "+.1f") + (" %" if row["improvement_percent"] is not None else ""),
        "" if None in bounds else f"{bounds[0]:+.1f} to {bounds[1]:+.1f} %",
        number("p_value", ".3g"),
        "" if row["chance_to_win"] is None else f"{100 * row['chance_to_win']:.1f} %",
        row["verdict"],
    ]


def _value(row: dict[str, Any], currency: str | None) -> str:
    from serving.drawing.numbers import value_text

    value = row["value"]
    if value is None:
        return ""
    if row["kind"] == "conversion":
        return f"{100 * value:.2f} %"
    return value_text(value, "cents", currency, is_full=True).replace("\u00a0", " ") if currency else f"{value:,.4g}"


def _rows(cursor: Any) -> list[dict[str, Any]]:
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
