# ruff: noqa: S608 (only columns of the landing are named)
"""Landed rows of earlier versions, as a load of today would land them.

Before keys could stand in any order (version 1), ids and hashes were made of the text of properties, and context keys
on a line of NDJSON were properties. Before one rule told bots (version 2), lines of access logs had it as a property.
All of them landed with what is personal in them, which a load of today takes out before it makes ids and hashes.
A file that was loaded then and comes again now must still be found to be the same.
"""

import json
from collections.abc import Callable

from ingest.agents import LOG
from ingest.envelope import CONTEXT_FIELDS, DERIVED_COLUMNS, GENERATED_ID, LANDING_COLUMNS, content_hash, flat_or_nested

_CONTENT = [column for column in LANDING_COLUMNS if column not in ("event_id", "received_at", *DERIVED_COLUMNS)]
_ID_THEN = f"md5(to_json([{', '.join(f'{column}::varchar' for column in _CONTENT)}]))"
_NO_CONTEXT = json.dumps(dict.fromkeys(CONTEXT_FIELDS))
_IS_LOG = f"coalesce(library = '{LOG}', false)"
_NO_MARK = f"""
    select * replace (case when {_IS_LOG} then json_merge_patch(properties, '{{"is_bot": null}}')::varchar
        else properties end as properties)"""


def as_of_now(landed: str, version: int, cleaned: Callable[[str], str]) -> str:
    """Return the SQL of `landed` rows of a version, with the ids and hashes of today.

    A row of version 1 with flat context comes in both readings. Of rows that came without an id the n-th of those that
    say the same is the n-th of today's. `cleaned` gives the SQL of rows without what is personal in them.
    """
    columns = "app, event_id, content_hash, occurred_at"
    if version > 1:
        return f"select {columns} from ({_renamed(landed, GENERATED_ID, f'{_NO_MARK} from known', cleaned)})"
    was_property = {field: f"json_extract_string(properties, '$.{field}')" for field in CONTEXT_FIELDS}
    flat = ", ".join(f"{flat_or_nested(was, field)} as {field}" for field, was in was_property.items())
    both = f"""
        {_NO_MARK} from known
        union all
        select * replace (json_merge_patch(properties, '{_NO_CONTEXT}')::varchar as properties, {flat})
        from known where list_has_any(json_keys(properties), {list(CONTEXT_FIELDS)})"""
    return f"select {columns} from ({_renamed(landed, _ID_THEN, both, cleaned)})"


def _renamed(landed: str, id_then: str, read_now: str, cleaned: Callable[[str], str]) -> str:
    """The SQL of rows `known` by the ids of then, as `read_now` reads them, by those of now."""
    return f"""
        select * replace (id_now as event_id, {content_hash("id_now")} as content_hash)
        from (
            select *, case
                when not was_generated then event_id when n = 1 then base else md5(base || ':' || n)
            end as id_now
            from (
                select *, row_number() over (partition by was_generated, base order by event_id) as n
                from (
                    select *, {GENERATED_ID} as base
                    from (
                        with known as (
                            select * exclude (id_then, nth), event_id = id_then
                                or list_contains(list_transform(
                                    range(2, nth + 1), lambda each: md5(id_then || ':' || each)
                                ), event_id) as was_generated
                            from (
                                select *, count(*) over (partition by id_then) as nth
                                from (select *, {id_then} as id_then from ({landed}))
                            )
                        )
                        {cleaned(read_now)}
                    )
                )
            )
        )"""
