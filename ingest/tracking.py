# ruff: noqa: S608 (texts are quoted by envelope.literal)
"""The tracking plan at the door: whether an event keeps what teams agreed to send, by the rule that models report by.

The function `plan_fault` is that rule: models ask it of every property, and count; a load that quarantines what breaks
the plan asks it of every event.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb

from ingest.envelope import literal
from ingest.formats.source import UnusableSource

REASON = "breaks_tracking_plan"


def make_plan(connection: duckdb.DuckDBPyConnection, project: Path) -> None:
    """Make the tables `planned` (one row per planned event) and `canonical_names` of a project's seeds.

    Raises:
        UnusableSource: when a seed cannot be read, so that nothing passes unchecked.
    """
    _make(
        connection,
        project,
        "tracking_plan",
        ("event_name", "property", "type", "is_required"),
        """
        create table planned as
        select event_name, map_from_entries(list(
            (property, {'type': type, 'is_required': coalesce(is_required::boolean, false)})
        )) as plan
        from seed
        where property is not null
        group by event_name""",
    )
    _make(connection, project, "event_catalog", ("event_name", "canonical_name"), """
        create table canonical_names as
        select event_name, min(canonical_name) as canonical_name
        from seed
        group by event_name""")  # fmt: skip


def held_to_plan(checked: str) -> str:
    """Return the SQL of `checked` rows (see `ingest.envelope`) of which those that break the plan are rejected too."""
    entries = "list_zip(json_keys(properties), json_extract(properties, '$.*'))"
    # what is read is named once, because DuckDB plans anew whatever a macro repeats
    sent = f"""list_transform(
        list_transform({entries}, lambda entry: {{
            'property': entry[1], 'json_value': entry[2], 'sent': property_text(entry[2]), 'planned': plan[entry[1]]
        }}),
        lambda each: {{'property': each.property, 'sent': each.sent, 'fault': plan_fault(
            each.json_value, each.sent, each.planned.type, each.planned.is_required
        )}}
    )"""
    absent = """list_transform(
        list_filter(map_entries(plan), lambda entry:
            entry.value.is_required and not list_contains(json_keys(properties), entry.key)),
        lambda entry: {'property': entry.key, 'sent': null::varchar, 'fault': 'missing'}
    )"""
    told = """array_to_string(list_transform(faults, lambda each: each.property || case each.fault
        when 'missing' then ' is missing' else ' is no ' || plan[each.property].type || ': ' || each.sent end), '; ')"""
    return f"""
        select * exclude (plan, faults) replace (
            case when len(faults) > 0 then {literal(REASON)} else reject_reason end as reject_reason,
            case when len(faults) > 0 then {told} else detail end as detail
        )
        from (
            select checked.*, plan,
                case when plan is not null and reject_reason is null then list_filter(
                    list_concat({sent}, {absent}), lambda each: each.fault is not null
                ) end as faults
            from ({checked}) as checked
            left join canonical_names using (event_name)
            left join planned
                on planned.event_name = coalesce(canonical_names.canonical_name, checked.event_name)
        )"""


def _make(
    connection: duckdb.DuckDBPyConnection, project: Path, seed: str, columns: tuple[str, ...], query: str
) -> None:
    file = project / "seeds" / f"{seed}.csv"
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            rows = [{column: row[column] or None for column in columns} for row in csv.DictReader(opened)]
        shape = json.dumps([dict.fromkeys(columns, "VARCHAR")])
        connection.execute(
            f"create temp table seed as select unnest(from_json(?, {literal(shape)}), recursive := true)",
            [json.dumps(rows)],
        )
        connection.execute(f"{query}; drop table seed")
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, duckdb.Error) as error:
        raise UnusableSource(
            f"{file} cannot be read ({' '.join(str(error).split())}), and events are to keep the plan. Mend it, or set "
            "FOOTFALL_PLAN_VIOLATIONS to keep."
        ) from None
