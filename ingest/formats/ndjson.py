# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""NDJSON: one JSON object a line."""

import duckdb

from ingest.envelope import CONTEXT_FIELDS, ENVELOPE_FIELDS, TEXT_FIELDS, literal, others, present, structure
from ingest.formats.source import SourceFile

_STRUCTURE = structure(
    {
        **dict.fromkeys(TEXT_FIELDS, "VARCHAR"),
        "properties": "JSON",
        "context": dict.fromkeys(CONTEXT_FIELDS, "VARCHAR"),
    }
)
_KEYS = "json_keys(json, ['$', '$.context'])"
_SAMPLED_LINES = 20_000
_KNOWN_KEY_LISTS = 8


def rows(source: SourceFile, max_line_bytes: int) -> str:
    """The rows of a clean file, `json` each; DuckDB raises on the first line that is no JSON."""
    return f"""
        select json, null::bigint as _row_number, null::blob as _raw,
            case when strlen(json) > {max_line_bytes} then 'line_too_long' end as _problem
        from {_read(source)}"""


def careful_rows(max_line_bytes: int) -> str:
    """The rows of any file, from its `lines`, each with what is wrong with it."""
    return f"""
        select case when problem is null then text::json end as json, row_number as _row_number, raw as _raw,
            problem as _problem
        from (
            select row_number, raw, text, case
                when octet_length(raw) > {max_line_bytes} then 'line_too_long'
                when contains(text, chr(0)) then 'nul_byte'
                when suspect and try(decode(raw)) is null then 'invalid_utf8'
                when not json_valid(text) then 'invalid_json'
                when json_type(text) <> 'OBJECT' then 'not_an_object'
            end as problem
            from lines
            where regexp_matches(text, '\\S')
        )"""


def known_keys(connection: duckdb.DuckDBPyConnection, source: SourceFile) -> list[int]:
    """Hashes of the most frequent key lists at the file's beginning that hold envelope keys only.

    A row with one of them needs no search for other keys, even where some of its values are null.
    """
    envelope, context = list(ENVELOPE_FIELDS), list(CONTEXT_FIELDS)
    found = connection.execute(f"""
        select hash(keys)
        from (select {_KEYS} as keys from (select json from {_read(source)} limit {_SAMPLED_LINES}))
        where list_has_all({envelope}, keys[1]) and case when list_contains(keys[1], 'context')
            then len(keys[2]) > 0 and list_has_all({context}, keys[2]) else true end
        group by all order by count(*) desc limit {_KNOWN_KEY_LISTS}""")
    return [key_hash for (key_hash,) in found.fetchall()]


def draft(rows: str, known: list[int]) -> str:
    """Project envelope lines onto the draft; keys that the envelope does not have join the properties.

    Args:
        rows: SQL of rows as above.
        known: hashes of key lists without other keys, see `known_keys`.
    """
    sampled = f"hash(keys) in ({', '.join(map(str, known))})" if known else "false"
    nested = " or ".join(
        f"coalesce(case when ascii({field}) in (91, 123) then json_type(json, '$.{field}') end "
        "in ('ARRAY', 'OBJECT'), false)"
        for field in TEXT_FIELDS
    )
    additional = others("json", ENVELOPE_FIELDS)
    additional_context = others("json_extract(json, '$.context')", CONTEXT_FIELDS)
    spread = ", ".join(f"context.{field} as {field}" for field in CONTEXT_FIELDS)
    return f"""
        select * exclude (json, keys, problem, properties, context, is_plain), {spread},
            case when is_plain then properties when {additional} is null then properties
                else json_merge_patch({additional}::json, coalesce(properties, '{{}}'))::varchar end as properties,
            case when not is_plain then {additional_context} end as context_other,
            case
                when problem is not null then problem
                when case when not is_plain then json_type(json, '$.context') not in ('OBJECT', 'NULL') end
                    or {nested} or not starts_with(properties, '{{') then 'wrong_type'
            end as problem,
            'properties and context are objects, every other field is text or a number' as problem_detail
        from (
            -- as many keys as there are values means that there is no other key; nulls are the exception
            select *, case
                when len(keys[1]) = {present(ENVELOPE_FIELDS)}
                    and coalesce(len(keys[2]), 0) = {present(f"context.{field}" for field in CONTEXT_FIELDS)} then true
                else {sampled}
            end as is_plain
            from (
                select json, {_KEYS} as keys, _row_number as row_number, _raw as raw,
                    unnest(from_json(json, {_STRUCTURE})),
                    case when _problem is not null then _problem
                        when not starts_with(json, '{{') then 'not_an_object' end as problem
                from ({rows})
            )
        )"""


def _read(source: SourceFile) -> str:
    return f"read_ndjson_objects({literal(source.path)}, compression = {literal(source.compression)})"
