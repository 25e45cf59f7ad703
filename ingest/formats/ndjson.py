# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""NDJSON: one JSON object a line."""

import json
from collections.abc import Callable, Collection

import duckdb

from ingest.envelope import CONTEXT_FIELDS, ENVELOPE_FIELDS, TEXT_FIELDS, flat_or_nested, literal, other_keys, quoted
from ingest.formats.source import SourceFile, too_long

MAX_OTHER_KEYS = 500


class Keys:
    """The keys of a file beside the envelope's fields.

    `flat` are the context keys that stand on the line, `line` the line's others, which join the properties, and
    `context` those inside `context` that it does not know.
    """

    def __init__(self, found: list[tuple[list[str], list[str] | None]]) -> None:
        line = {key for line, _ in found for key in line}
        self.flat = sorted(line & set(CONTEXT_FIELDS))
        self.line = sorted(line - set(ENVELOPE_FIELDS) - set(CONTEXT_FIELDS))
        self.context = sorted({key for _, context in found for key in context or ()} - set(CONTEXT_FIELDS))

    @property
    def are_columns(self) -> bool:
        """Whether the keys can be columns: not too many, none empty, and no two the same but for their case."""
        return len(self.line) + len(self.context) <= MAX_OTHER_KEYS and all(
            all(keys) and len({key.lower() for key in keys}) == len(keys)
            for keys in ([*ENVELOPE_FIELDS, *self.flat, *self.line], [*CONTEXT_FIELDS, *self.context])
        )


def other_keys_of(connection: duckdb.DuckDBPyConnection, source: SourceFile, lines: int | None) -> Keys:
    """The other keys in a clean file, or in its first `lines`; DuckDB raises on a line that is no JSON."""
    sample = f"select json from {_read(source)}" + ("" if lines is None else f" limit {lines}")
    keys = f"select distinct json_keys(json, ['$', '$.context']) as keys from ({sample})"
    return Keys(connection.execute(f"select keys[1], keys[2] from ({keys})").fetchall())


def objects(source: SourceFile) -> str:
    """The rows of a clean file, `json` each, for mappings; DuckDB raises on the first line that is no JSON."""
    return f"""
        select json, null::bigint as _row_number, null::blob as _raw, null::varchar as _detail,
            case when not starts_with(json, '{{') then 'not_an_object' end as _problem
        from {_read(source)}"""


def careful_objects(max_line_bytes: int) -> str:
    """The rows of any file, from its `lines`, each with what is wrong with it."""
    return f"""
        select case when problem is null then text::json end as json, row_number as _row_number, raw as _raw,
            problem as _problem, case problem
                when 'line_too_long' then {too_long("octet_length(raw)", max_line_bytes)}
                when 'nul_byte' then 'the line holds a NUL byte'
                when 'invalid_utf8' then 'the line is not UTF-8 text'
                when 'invalid_json' then 'the line is not one JSON object: cut short, or not JSON'
                when 'not_an_object' then 'the line is JSON of the type ' || json_type(text) || ', not an object'
            end as _detail
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


def careful_lines(line: Callable[[str], str], max_line_bytes: int) -> str:
    """The rows of a text that is no JSON, from its `lines`; `line` is the SQL that makes JSON of one, null of none."""
    return f"""
        select case when problem is null then made end as json, row_number as _row_number, raw as _raw,
            coalesce(problem, case when made is null then 'unreadable_line' end) as _problem
        from (
            select *, try({line("rtrim(text, chr(13))")}) as made, case
                when octet_length(raw) > {max_line_bytes} then 'line_too_long'
                when contains(text, chr(0)) then 'nul_byte'
                when suspect and try(decode(raw)) is null then 'invalid_utf8'
            end as problem
            from lines
            where regexp_matches(text, '\\S')
        )"""


def draft(source: SourceFile, keys: Keys, max_line_bytes: int) -> str:
    """Project the lines of a clean file onto the draft in one parse; `careful_draft` judges what looks wrong."""
    context = [*(f"{field} VARCHAR" for field in CONTEXT_FIELDS), *(f"{quoted(key)} JSON" for key in keys.context)]
    types = {
        **dict.fromkeys(TEXT_FIELDS, "VARCHAR"),
        "properties": "JSON",
        "context": f"STRUCT({', '.join(context)})",
        **dict.fromkeys(keys.flat, "VARCHAR"),
        **dict.fromkeys(keys.line, "JSON"),
    }
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
    nested = " or ".join(f"case when ascii({field}) in (91, 123) then json_valid({field}) end" for field in TEXT_FIELDS)
    rows = f"""
        select *, null::bigint as _row_number, null::blob as _raw, null::varchar as _detail, case
            when {nested} or not starts_with(properties, '{{') then 'wrong_type'
            when strlen(properties) > {max_line_bytes} then 'line_too_long'
        end as _problem
        from read_json({literal(source.path)}, format = 'newline_delimited', auto_detect = false,
            compression = {literal(source.compression)}, columns = {{{columns}}})"""
    line = _object(keys.line, [quoted(key) for key in keys.line])
    others = _object(keys.context, [f"context.{quoted(key)}" for key in keys.context])
    return _spread(rows, keys.flat, line, others)


def careful_draft(rows: str) -> str:
    """Project careful rows onto the draft; see `draft`, with which it agrees on every line that both can read."""
    context = dict.fromkeys(CONTEXT_FIELDS, "VARCHAR")
    structure = {**dict.fromkeys(TEXT_FIELDS, "VARCHAR"), **context, "properties": "JSON", "context": context}
    known = [*ENVELOPE_FIELDS, *CONTEXT_FIELDS]
    paths = [f"$.{field}" for field in TEXT_FIELDS]
    judged = f"""
        select json_keys(json, ['$', '$.context']) as _keys, * replace (case
            when _problem is not null then _problem
            when list_has_any(json_type(json, {paths}), ['ARRAY', 'OBJECT'])
                or json_type(json, '$.properties') not in ('OBJECT', 'NULL')
                or json_type(json, '$.context') not in ('OBJECT', 'NULL') then 'wrong_type'
            end as _problem)
        from ({rows})"""
    read = f"""
        select *, unnest(from_json(case when _problem is null then json end, {literal(json.dumps(structure))}))
        from ({judged})"""
    line = other_keys("json", known)
    others = other_keys("json_extract(json, '$.context')", CONTEXT_FIELDS)
    return _spread(
        read,
        CONTEXT_FIELDS,
        f"case when not list_has_all({known}, _keys[1]) then {line} end",
        f"case when not list_has_all({list(CONTEXT_FIELDS)}, _keys[2]) then {others} end",
    )


def _spread(rows: str, flat: Collection[str], line: str, context: str) -> str:
    """The draft of rows with the envelope's columns and the `flat` context keys among them.

    `line` and `context` are the SQL of what else those held.
    """
    values = {field: flat_or_nested(field, f"context.{field}") for field in flat}
    spread = ", ".join(f"{values.get(field, f'context.{field}')} as {field}" for field in CONTEXT_FIELDS)
    return f"""
        select * exclude (context, properties, line_others, _detail),
            case when line_others is null then properties
                else json_merge_patch(line_others, coalesce(properties, '{{}}'))::varchar end as properties,
            coalesce(_detail, 'properties and context are objects, every other field is text or a number')
                as problem_detail
        from (
            select {", ".join(TEXT_FIELDS)}, {spread}, context, properties, {line} as line_others,
                {context} as context_other, _row_number as row_number, _raw as raw, _problem as problem, _detail
            from ({rows})
        )"""


def _object(names: list[str], values: list[str]) -> str:
    """The SQL of a JSON object's text from names and JSON values, without nulls; null where none is left."""
    if not names:
        return "null::varchar"
    members = ", ".join(
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || {value}"
        for name, value in zip(names, values, strict=True)
    )
    return f"nullif('{{' || concat_ws(',', {members}) || '}}', '{{}}')"


def _read(source: SourceFile) -> str:
    return f"read_ndjson_objects({literal(source.path)}, compression = {literal(source.compression)})"
