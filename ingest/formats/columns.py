# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Envelope fields as columns, in CSV and in Parquet: also each context key, and any other column as a property."""

import json

from ingest.envelope import (
    CONTEXT_FIELDS,
    DERIVED_COLUMNS,
    ENVELOPE_FIELDS,
    LANDING_MARK,
    TEXT_FIELDS,
    flat_or_nested,
    literal,
    other_keys,
    quoted,
)
from ingest.formats.source import UnusableSource

REQUIRED = ("event_name", "occurred_at")


def draft(rows: str, columns: dict[str, str], name: str) -> str:
    """Project rows with `columns` (name to DuckDB type) onto the draft, context spread.

    Raises:
        UnusableSource: when a column without which no row can be an event is missing.
    """
    # numbered, because a file may name its columns as the steps below name theirs
    found = {column.lower(): f"c{number}" for number, column in enumerate(columns)}
    kinds = dict(zip(found.values(), columns.values(), strict=True))
    missing = [field for field in REQUIRED if field not in found]
    if missing:
        raise UnusableSource(
            f"{name} has no column {' and no column '.join(missing)}; its columns are {', '.join(columns)[:300]}. "
            "Rename them, or say with --mapping which columns mean what. The envelope's columns are "
            f"{', '.join(ENVELOPE_FIELDS)}."
        )

    def text(field: str) -> str:
        return f"{found[field]}::varchar" if field in found else "null::varchar"

    def json_text(field: str, is_there: bool = True) -> str:
        if field not in found or not is_there:
            return "null::varchar"
        column = found[field]
        if kinds[column] not in ("VARCHAR", "JSON"):
            return f"to_json({column})::varchar"
        # a JSON null says what an empty cell says
        is_json = f"case when json_valid({column}) then nullif(json({column})::varchar, 'null')"
        return f"{is_json} else nullif(trim({column}), '') end"

    is_landing = set(found) >= LANDING_MARK
    known = {*ENVELOPE_FIELDS, *CONTEXT_FIELDS, *((*DERIVED_COLUMNS, "context_other") if is_landing else ())}
    additional = [column for column in columns if column.lower() not in known]
    properties, beside = "sent_properties", "null::varchar"
    if additional:
        packed = ", ".join(f"{quoted(column)} := {found[column.lower()]}" for column in additional)
        beside = f"to_json(struct_pack({packed}))"
        properties = f"json_merge_patch({beside}, coalesce(sent_properties, '{{}}'))::varchar"
    is_object = "coalesce(json_valid({0}) and ascii({0}) = 123, {0} is null)".format
    checked = f"""
        select _row_number as row_number, _raw as raw,
            {", ".join(f"{text(field)} as {field}" for field in TEXT_FIELDS)},
            {", ".join(f"{text(field)} as flat_{field}" for field in CONTEXT_FIELDS)},
            case when is_legal then {properties} else {beside} end as properties,
            case when is_legal and sent_context_other is not null
                then json_merge_patch(coalesce(sent_context, '{{}}'), sent_context_other)::varchar
                when is_legal then sent_context end as context,
            case when _problem is not null then _problem when not is_legal then 'wrong_type' end as problem,
            case when _problem is not null then _detail
                when not is_legal then 'properties and context must be JSON objects' end as problem_detail
        from (
            select *, {is_object("sent_properties")} and {is_object("sent_context")}
                and {is_object("sent_context_other")} as is_legal
            from (
                select *, {json_text("properties")} as sent_properties, {json_text("context")} as sent_context,
                    {json_text("context_other", is_landing)} as sent_context_other
                from (
                    select _row_number, _raw, _problem, _detail,
                        {", ".join(f"{quoted(column)} as {found[column.lower()]}" for column in columns)}
                    from ({rows})
                )
            )
        )"""
    merged = ", ".join(f"{flat_or_nested(f'flat_{field}', field)} as {field}" for field in CONTEXT_FIELDS)
    flat = ", ".join(f"flat_{field}" for field in CONTEXT_FIELDS)
    return f"select * exclude ({flat}) replace ({merged}) from ({_with_context(checked)})"


def _with_context(draft: str) -> str:
    """Spread a draft's `context` (JSON object text) into the context columns and `context_other`."""
    known = literal(json.dumps(dict.fromkeys(CONTEXT_FIELDS, "VARCHAR")))
    spread = ", ".join(f"known.{field} as {field}" for field in CONTEXT_FIELDS)
    others = other_keys("context", CONTEXT_FIELDS)
    present = " + ".join(f"(known.{field} is not null)::int" for field in CONTEXT_FIELDS)
    return f"""
        select * exclude (context, known), {spread},
            case when len(json_keys(context)) > {present} then {others} end as context_other
        from (select *, case when ascii(context) = 123 then from_json(context, {known}) end as known from ({draft}))"""
