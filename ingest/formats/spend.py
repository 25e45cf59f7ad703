"""Reports of money spent on channels, as advertising platforms export them: a projection onto the envelope.

A report becomes an event `$spend_reported` of nobody, so that everything that holds for events (receipts, duplicates,
quarantine, replay) holds for it. Its amount stays the decimal that was written: how many minor units a currency has is
known to the models alone.
"""

from collections.abc import Iterable

from ingest.envelope import json_path, literal, quoted
from ingest.formats.mapping import Mapping, MappingError

KIND = "spend"
EVENT_NAME = "$spend_reported"
COLUMNS = ("date", "channel", "campaign", "amount", "spend_cents", "currency", "app", "reported_at")


def mapping_for(columns: Iterable[str] | None, file_name: str, zone: str) -> Mapping:
    """The mapping of a file of spend with these columns; None for NDJSON, whose rows name their own.

    `zone` is that of times that name none.

    Raises:
        MappingError: when a column is missing, or one is there that no report has.
    """
    names = None if columns is None else {name.lower(): name for name in columns}
    if names is not None:
        _check(names, file_name)

    def text(column: str) -> str:
        if names is None:
            return f"nullif(trimmed(json ->> {json_path(column)}), '')"
        return f"nullif(trimmed({quoted(names[column])}::varchar), '')" if column in names else "null::varchar"

    date, amount, cents = text("date"), text("amount"), text("spend_cents")
    day, reported_at = f"calendar_day({date})", f"instant({text('reported_at')}, {literal(zone)})"
    strange = f"not list_has_all({list(COLUMNS)}, json_keys(json))" if names is None else "false"
    problem = f"""case
        when {strange} then 'unknown_column'
        when {text("channel")} is null then 'missing_channel'
        when {amount} is null and {cents} is null then 'missing_amount'
        when {amount} is not null and {cents} is not null then 'two_amounts'
        when regexp_matches(coalesce({amount}, {cents}), '^-[\\d.]*[1-9]') then 'negative_amount'
        when not regexp_full_match(coalesce({amount}, '0'), '\\d{{1,12}}(\\.\\d{{1,6}})?') then 'invalid_amount'
        when not regexp_full_match(coalesce({cents}, '0'), '\\d{{1,15}}') then 'invalid_amount'
        when not regexp_full_match(coalesce({text("currency")}, 'USD'), '[A-Za-z]{{3}}') then 'invalid_currency'
        when {text("reported_at")} is not null and {reported_at} is null then 'invalid_reported_at'
    end"""
    event = {
        "event_name": {"constant": EVENT_NAME},
        "occurred_at": {"sql": f"coalesce(({day})::varchar, 'no day: ' || {date})"},
        "app": {"sql": text("app")},
        "problem": {"sql": problem},
        "properties": {
            "spend_date": {"sql": f"({day})::varchar"},
            "channel": {"sql": text("channel")},
            "utm_campaign": {"sql": text("campaign")},
            "amount": {"sql": amount},
            "spend_cents": {"sql": cents},
            "currency": {"sql": f"upper({text('currency')})"},
            "reported_at": {"sql": f"{reported_at}::varchar"},
        },
    }
    return Mapping.model_validate({"events": [event]})


def _check(names: dict[str, str], file_name: str) -> None:
    missing = [name for name in ("date", "channel") if name not in names]
    if "amount" not in names and "spend_cents" not in names:
        missing.append("amount (or spend_cents)")
    unknown = [name for lowered, name in names.items() if lowered not in COLUMNS]
    if missing or unknown:
        fault = f"has no column {', '.join(missing)}" if missing else f"has the unknown column {', '.join(unknown)}"
        raise MappingError(
            f"{file_name} {fault}. A file of spend has date, channel and amount (in major units, such as 12.50) or "
            "spend_cents; campaign, currency, app and reported_at where they are known, and nothing else. "
            "Correct its header."
        )
