# ruff: noqa: S608 (columns of the draft are named, and literals quoted)
"""The door of the loader: a draft without what is personal, whichever format or protocol it came by.

The functions run over DuckDB's vectors. A vector is searched as a whole, in one call, and most hold nothing; only
the values of one that may hold something are looked at one by one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from ingest.envelope import CONTEXT_FIELDS, ID_FIELDS, literal
from ingest.privacy.cleaning import Cleaner
from ingest.privacy.names import kind_of
from ingest.privacy.suppression import Unwanted
from ingest.privacy.texts import STEMS, may_hold

# other texts of the envelope hold words of a list: a country, a device, a language
TEXTS = ("event_name", "page_url", "page_title", "referrer", *(name for name in CONTEXT_FIELDS if name[:4] == "utm_"))
WHOLE = ("ip", "user_agent")


def _suspect(column: str, more: str = "") -> str:
    """The SQL condition that a text may hold something personal; nearly all hold nothing, and are not handed over."""
    return f"regexp_matches({column}, {literal(STEMS + more)})"


def install(connection: duckdb.DuckDBPyConnection, cleaner: Cleaner) -> None:
    """Make the functions that `filtered` and `filtered_rows` call; for a whole connection."""

    def over(texts: Any, is_suspect: Callable[[str], bool], clean: Callable[[int, str], str | None]) -> Any:
        if not is_suspect("\n".join(filter(None, values := texts.to_pylist()))):
            return texts
        import pyarrow as pa

        cleaned = (text if text is None or not is_suspect(text) else clean(n, text) for n, text in enumerate(values))
        return pa.array(cleaned, pa.string())

    def json(texts: Any, apps: Any, events: Any, holders: Any) -> Any:
        def clean(n: int, text: str) -> str:
            return cleaner.json(text, apps[n].as_py(), holders[n].as_py(), events[n].as_py())

        return over(texts, cleaner.is_suspect, clean)

    def text(texts: Any, apps: Any, names: Any) -> Any:
        return over(texts, may_hold, lambda n, each: cleaner.text(each, apps[n].as_py(), names[n].as_py()))

    def identity(texts: Any, apps: Any, names: Any) -> Any:
        return over(texts, may_hold, lambda n, each: cleaner.id(each, apps[n].as_py(), names[n].as_py()))

    def whole(texts: Any, apps: Any, names: Any) -> Any:
        import pyarrow as pa

        told = zip(texts.to_pylist(), apps.to_pylist(), names.to_pylist(), strict=True)
        return pa.array([each and cleaner.whole(each, app, name) for each, app, name in told], pa.string())

    made: list[tuple[str, Callable[..., Any], int]] = [
        ("private_json", json, 4),
        ("private_text", text, 3),
        ("private_id", identity, 3),
        ("private_whole", whole, 3),
    ]
    options: Any = {"type": "arrow", "null_handling": "special"}
    for name, function, takes in made:
        connection.create_function(name, function, ["VARCHAR"] * takes, "VARCHAR", **options)


UNWANTED = "private_unwanted_by(user_id, anonymous_id, app)"


def install_lists(connection: duckdb.DuckDBPyConnection, unwanted: Unwanted) -> None:
    """Make the function that tells the events of persons of whom nothing is stored, by the name of the list."""
    options: Any = {"null_handling": "special"}

    def unwanted_by(user: str, device: str, app: str) -> str | None:
        return unwanted.list_of(user, device, app)

    connection.create_function("private_unwanted_by", unwanted_by, ["VARCHAR"] * 3, "VARCHAR", **options)


def filtered(draft: str, app: str, cleaner: Cleaner) -> str:
    """The SQL of a draft without what is personal in it; `app` is the app of rows that name none."""
    if cleaner.policies.keep_all:
        return draft
    of_app = "_private_app"
    now = {
        **{name: f"case when {_suspect(name)} then private_text({name}, {of_app}, '{name}') else {name} end"
           for name in TEXTS},
        **{name: f"case when contains({name}, '@') then private_id({name}, {of_app}, '{name}') else {name} end"
           for name in ID_FIELDS},
        **{name: f"case when {_suspect(name, cleaner.more)} then "
                 f"nullif(private_json({name}, {of_app}, trim(event_name), '{holder}'), '{{}}') else {name} end"
           for name, holder in (("properties", "properties"), ("context_other", "context"))},
    }  # fmt: skip
    replaced = ", ".join(f"{sql} as {name}" for name, sql in now.items())
    return f"""
        select * exclude ({of_app}) replace ({replaced})
        from (
            select * replace (properties::varchar as properties, context_other::varchar as context_other),
                coalesce(nullif(trimmed(app), ''), {literal(app)}) as {of_app}
            from ({draft})
        )"""


def fields(cleaner: Cleaner, app: str) -> dict[str, str]:
    """The SQL of the fields that are personal as a whole, of a draft out of which has been read what they say."""
    of_app = f"coalesce(nullif(trimmed(app), ''), {literal(app)})"
    asked = [name for name in WHOLE if kind_of(name) in cleaner.policies.kinds]
    return {name: f"case when {name} <> '' then private_whole({name}, {of_app}, '{name}') end" for name in asked}


def without_personal(rows: str, cleaner: Cleaner) -> str:
    """The SQL of landed rows as a load of today leaves them: some landed with what is personal in them."""
    gone = "".join(f", {sql} as {name}" for name, sql in fields(cleaner, "").items())
    return f"""
        select * replace (coalesce(properties, '{{}}') as properties{gone}) from ({filtered(rows, "", cleaner)})"""


def install_for_refused(
    connection: duckdb.DuckDBPyConnection, cleaner: Cleaner, names: Sequence[str] = (), delimiter: str = ","
) -> None:
    """Make the functions that clean a refused row, of a CSV file with these columns, and what is said of it."""

    def raw(row: bytes, app: str) -> bytes:
        return filtered_row(row, app, cleaner, names, delimiter)

    def detail(said: str, app: str) -> str:
        return cleaner.text(said, app, "detail")

    connection.create_function("private_raw", raw, ["BLOB", "VARCHAR"], "BLOB")
    connection.create_function("private_detail", detail, ["VARCHAR", "VARCHAR"], "VARCHAR")


def filtered_row(raw: bytes, app: str, cleaner: Cleaner, names: Sequence[str] = (), delimiter: str = ",") -> bytes:
    """The bytes of a refused row; of a record of a CSV file with these columns the personal ones are blank."""
    if not names:
        return cleaner.raw(raw, app)
    text = raw.decode("utf-8", "surrogateescape")
    try:
        (record,) = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        record = []
    if len(record) != len(names):
        return cleaner.raw(raw, app)
    now = [cleaner.cell(cell, app, name) for cell, name in zip(record, names, strict=True)]
    if now == record:
        return raw
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="").writerow(now)
    return written.getvalue().encode("utf-8", "surrogateescape")
