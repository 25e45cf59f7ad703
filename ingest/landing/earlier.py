# ruff: noqa: S608 (only columns of the landing are named)
"""Landed rows from before keys could stand in any order, as a load of today would land them.

Their ids and hashes were made of the text of properties, and context keys on a line of NDJSON were properties. A file
that was loaded then and comes again now must still be found to be the same.
"""

import json

from ingest.envelope import CONTEXT_FIELDS, DERIVED_COLUMNS, GENERATED_ID, LANDING_COLUMNS, content_hash, flat_or_nested

_CONTENT = [column for column in LANDING_COLUMNS if column not in ("event_id", "received_at", *DERIVED_COLUMNS)]
_ID_THEN = f"md5(to_json([{', '.join(f'{column}::varchar' for column in _CONTENT)}]))"
_NO_CONTEXT = json.dumps(dict.fromkeys(CONTEXT_FIELDS))


def as_of_now(landed: str) -> str:
    """Return the SQL of `landed` rows with the ids and hashes of today; a row with flat context comes in both readings.

    Of rows that came without an id the n-th of those that say the same is the n-th of today's.
    """
    was_property = {field: f"json_extract_string(properties, '$.{field}')" for field in CONTEXT_FIELDS}
    flat = ", ".join(f"{flat_or_nested(was, field)} as {field}" for field, was in was_property.items())
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
                                from (select *, {_ID_THEN} as id_then from ({landed}))
                            )
                        )
                        from known
                        union all
                        select * replace (
                            json_merge_patch(properties, '{_NO_CONTEXT}')::varchar as properties, {flat}
                        )
                        from known where list_has_any(json_keys(properties), {list(CONTEXT_FIELDS)})
                    )
                )
            )
        )"""
