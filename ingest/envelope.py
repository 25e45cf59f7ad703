# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""The event envelope: every field, its type, and what makes a row an event.

A format projects its rows onto a *draft*: the text fields, `properties` and `context` as JSON text, each context key,
and `row_number`, `raw`, `problem` (why the row cannot be read at all). `checked` turns drafts into landing rows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ingest.agents import with_readings

TEXT_FIELDS = (
    "event_id",
    "event_name",
    "occurred_at",
    "received_at",
    "sent_at",
    "user_id",
    "anonymous_id",
    "session_id",
    "account_id",
    "app",
)
CONTEXT_FIELDS = (
    "page_url",
    "page_title",
    "referrer",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "device_type",
    "os",
    "browser",
    "country",
    "region",
    "city",
    "locale",
    "user_agent",
    "ip",
    "library",
)
ENVELOPE_FIELDS = (*TEXT_FIELDS, "properties", "context")
ID_FIELDS = ("user_id", "anonymous_id", "session_id", "account_id")
EARLIEST_YEAR = 1900

LANDING_COLUMNS = {
    "event_id": "VARCHAR",
    "event_name": "VARCHAR",
    "occurred_at": "TIMESTAMP",
    "received_at": "TIMESTAMP",
    **dict.fromkeys((*ID_FIELDS, "app", "properties", *CONTEXT_FIELDS, "context_other"), "VARCHAR"),
    "event_date": "DATE",
    "content_hash": "UBIGINT",
    "stream_id": "UBIGINT",
    # null in nearly every row, and absent from what was landed before they were: the day of `occurred_at`, where
    # correcting the sender's clock moved it to another than `event_date`; the zone of times without one, if not UTC
    "corrected_date": "DATE",
    "timezone": "VARCHAR",
    # what the agent and the address say of the visitor (see `ingest.agents`, `ingest.countries`); no content of the
    # event: a parser that reads better makes no other event of it
    "agent_device_type": "VARCHAR",
    "agent_os": "VARCHAR",
    "agent_browser": "VARCHAR",
    "is_bot": "BOOLEAN",
    "ip_country": "VARCHAR",
}
READ_COLUMNS = ("agent_device_type", "agent_os", "agent_browser", "is_bot", "ip_country")
DERIVED_COLUMNS = (
    "event_date",
    "content_hash",
    "stream_id",
    "corrected_date",
    "timezone",
    *READ_COLUMNS,
    "batch_id",
    "load_date",
)
# what only a file of our own landing names all of; in any other file a column of such a name is the sender's own
LANDING_MARK = {"event_id", "properties", "context_other", "event_date", "content_hash", "stream_id"}

_CONTENT = [c for c in LANDING_COLUMNS if c not in ("event_id", "received_at", *DERIVED_COLUMNS)]
_JSON = ("properties", "context_other")


def _content(of_json: str, cast: str = "", occurred_at: str = "occurred_at") -> str:
    sources = {column: occurred_at if column == "occurred_at" else column for column in _CONTENT}
    return ", ".join(f"{of_json}({sql})" if column in _JSON else f"{sql}{cast}" for column, sql in sources.items())


# the id of a row that came without one; this and the content hash know an event by what it says (see ingest.content)
GENERATED_ID = f"md5(to_json([{_content('json_content', '::varchar')}]))"


def content_hash(event_id: str, occurred_at: str = "occurred_at") -> str:
    """Return the SQL of an event's content hash: of every field but `received_at`, with two of them given as SQL."""
    return f"hash({event_id}, {_content('json_content_hash', occurred_at=occurred_at)})"


def quoted(name: str) -> str:
    """Return `name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return `value` as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def json_path(*keys: str) -> str:
    """Return the SQL literal of the JSON path to nested keys."""
    return literal("$" + "".join('."' + key.replace('"', '\\"') + '"' for key in keys))


def flat_or_nested(flat: str, nested: str) -> str:
    """Return the SQL of a context field that may stand both on the row itself and inside `context`: the row's wins."""
    return f"coalesce(nullif({flat}, ''), {nested})"


def other_keys(json_object: str, known: Iterable[str]) -> str:
    """Return the SQL of what a JSON object holds besides the `known` keys.

    That is the text of a JSON object, its keys sorted and those without a value left out; null where it is empty.
    """
    # a pointer, because a path takes some keys for a pattern
    value = f"""json_extract({json_object}, '/' || replace(replace(key, '~', '~0'), '/', '~1'))::varchar"""
    others = f"list_filter(list_sort(json_keys({json_object})), lambda key: not list_contains({list(known)}, key))"
    members = f"""list_transform(list_filter({others}, lambda key: {value} <> 'null'),
        lambda key: to_json(key)::varchar || ':' || {value})"""
    return f"nullif('{{' || array_to_string({members}, ',') || '}}', '{{}}')"


def checked(
    draft: str, app: str, zone: str, loaded_at: datetime, max_future_hours: float, private: Mapping[str, str]
) -> str:
    """Return the SQL of landing rows plus `row_number`, `raw`, `reject_reason` and `detail`.

    Args:
        draft: SQL of a draft relation (see the module's text) with the context already spread, on a connection that
            has `agent_reading` and `country_of`.
        app: the app of rows that name none.
        zone: IANA name of the zone of times that name none.
        loaded_at: UTC time of the load, the receipt of rows that carry none.
        max_future_hours: how far past its receipt an event may lie.
        private: the SQL of context fields of which not all may land (see `ingest.privacy.fields`).
    """
    now = f"timestamp '{loaded_at:%Y-%m-%d %H:%M:%S.%f}'"
    stored_zone = "null::varchar" if zone == "UTC" else literal(zone)

    def instant(text: str) -> str:
        return f"instant({text}, {literal(zone)})"

    ids = ", ".join(f"clean_id({field}) as {field}" for field in ID_FIELDS)
    kept = {field: f"nullif({field}, '')" for field in CONTEXT_FIELDS} | dict(private)
    context = ", ".join(f"{sql} as {field}" for field, sql in kept.items())
    limit = f"least(received_at, {now}) + to_microseconds({round(max_future_hours * 3_600_000_000)})"
    return f"""
        select {", ".join(LANDING_COLUMNS)}, row_number, raw, reject_reason, detail
        from (
            -- a retry is told by what its sender wrote: correcting its clock anew makes no other event of it
            select *, written_at::date as event_date, {content_hash("event_id", "written_at")} as content_hash,
                nullif(occurred_at::date, written_at::date) as corrected_date, {stored_zone} as timezone,
                md5_number_lower(coalesce(anonymous_id, user_id)) as stream_id,
            from (
                select * exclude (sent_event_id), coalesce(sent_event_id, {GENERATED_ID}) as event_id,
                    case
                        when problem is not null then problem
                        when event_name is null or event_name = '' then 'missing_event_name'
                        when occurred_text is null then 'missing_occurred_at'
                        when occurred_at is null then 'invalid_occurred_at'
                        when year(occurred_at) < {EARLIEST_YEAR} then 'too_far_in_past'
                        when received_at is null then 'invalid_received_at'
                        when sent_text is not null and sent_at is null then 'invalid_sent_at'
                        when occurred_at > {limit} then 'too_far_in_future'
                    end as reject_reason,
                    case
                        when problem is not null then coalesce(problem_detail, problem)
                        when reject_reason = 'missing_event_name' then 'the row has no event_name'
                        when reject_reason = 'missing_occurred_at' then 'the row has no occurred_at'
                        when reject_reason = 'invalid_occurred_at' then concat(occurred_text, ': ', case
                            when written_at is null then instant_fault(occurred_text)
                            else 'no calendar holds it by a corrected clock' end)
                        when reject_reason = 'invalid_received_at'
                            then concat(received_text, ': ', instant_fault(received_text))
                        when reject_reason = 'invalid_sent_at' then concat(sent_text, ': ', instant_fault(sent_text))
                        else occurred_text
                    end as detail,
                from (
                    -- a sender's clock is corrected only by a receipt that the row carries: the same file loaded
                    -- again must give the same events
                    select *, case when sent_at is not null and received_text is not null
                        then try(written_at + (received_at - sent_at)) else written_at end as occurred_at,
                    from (
                        select *, {instant("occurred_text")} as written_at, {instant("sent_text")} as sent_at,
                            case when received_text is null then {now} else {instant("received_text")} end
                                as received_at,
                        from (
                            select row_number, raw, problem, problem_detail,
                                clean_item_id(event_id) as sent_event_id, trimmed(event_name) as event_name, {ids},
                                nullif(trimmed(occurred_at), '') as occurred_text,
                                nullif(trimmed(received_at), '') as received_text,
                                nullif(trimmed(sent_at), '') as sent_text,
                                coalesce(nullif(trimmed(app), ''), {literal(app)}) as app,
                                coalesce(properties, '{{}}')::varchar as properties, {context}, context_other,
                                {", ".join(READ_COLUMNS)},
                            from (
                                select *, case when ip <> '' then country_of(ip) end as ip_country
                                from ({with_readings(draft)})
                            )
                        )
                    )
                )
            )
        )"""
