# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Mapping files: how rows of another shape become events.

A mapping's `when` and `sql` are DuckDB expressions over the row's columns, so a mapping is code: run only those that
you trust. They run in a connection that can reach no file but the one being loaded, and no network.
"""

import re
from collections.abc import Collection
from functools import cache
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator, model_validator

from ingest.envelope import CONTEXT_FIELDS, TEXT_FIELDS, json_path, literal, quoted
from ingest.formats.source import UnusableSource

OWN_IDS = (
    "Give each its own, such as event_id: {sql: \"column || '-started'\"}, or leave event_id out: an event without one "
    "is named by its content."
)
# begins what DuckDB is made to say of a row whose events share an id
_SHARED_ID = "events of one row share an event_id: "


class MappingError(UnusableSource):
    """A mapping that cannot be used; the message names its file, the key, the fault and what is legal."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Strict):
    """Where a value comes from: a column, a constant, or a DuckDB expression; a plain text is a column."""

    column: str | None = None
    constant: str | int | float | bool | None = None
    sql: str | None = None
    format: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_text_is_a_column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_one_origin(self) -> "Value":
        if sum(origin is not None for origin in (self.column, self.constant, self.sql)) != 1:
            raise ValueError("give exactly one of column, constant, sql")
        if self.format and "%Z" in self.format.removesuffix("%Z"):
            raise ValueError(f"format {self.format!r}: %Z, the name of a zone, is read at the end only")
        return self


class _Event(_Strict):
    when: str | bool = True
    problem: Value | None = None
    properties: dict[str, Value] = {}
    context: dict[Literal[CONTEXT_FIELDS], Value] = {}  # type: ignore[valid-type]

    def text(self, field: str) -> Value | None:
        """The value of a text field of the envelope."""
        value: Value | None = getattr(self, field)
        return value


_REQUIRED = ("event_name", "occurred_at")
if TYPE_CHECKING:
    MappedEvent = _Event
else:
    MappedEvent = create_model(
        "MappedEvent",
        __base__=_Event,
        **{field: (Value, ...) if field in _REQUIRED else (Value | None, None) for field in TEXT_FIELDS},
    )


class SourceOptions(_Strict):
    """How the file is written; what is left out is found out."""

    format: Literal["auto", "ndjson", "csv", "parquet"] = "auto"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    header: bool = True
    columns: tuple[str, ...] = ()
    encoding: Literal["utf-8", "latin-1"] = "utf-8"

    @model_validator(mode="after")
    def _columns_are_named(self) -> "SourceOptions":
        if not self.header and not self.columns:
            raise ValueError("a file without a header needs its columns named: columns: [a, b]")
        return self


class Mapping(_Strict):
    """A mapping file: what the file is like, and the events that each of its rows becomes.

    A row that the conditions of no event let through is left out and counted; `unmatched: quarantine` keeps it instead.
    """

    description: str = ""
    source: SourceOptions = SourceOptions()
    app: str | None = None
    timezone: str = "UTC"
    unmatched: Literal["leave_out", "quarantine"] = "leave_out"
    events: tuple[MappedEvent, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _events_of_a_row_have_ids_of_their_own(self) -> "Mapping":
        for number, other in combinations(range(len(self.events)), 2):
            one, two = self.events[number], self.events[other]
            if not one.text("event_id") or one.text("event_id") != two.text("event_id"):
                continue
            if not _may_share_an_app(one.text("app"), two.text("app")):
                continue
            if one.when == two.when or True in (one.when, two.when):
                raise ValueError(
                    f"events.{number} and events.{other} give one row's events the same event_id, which names one "
                    f"event: of two on a day one would be dropped. {OWN_IDS}"
                )
        return self

    @property
    def told_timezone(self) -> str | None:
        """The zone that the mapping says, where it says one."""
        return self.timezone if "timezone" in self.model_fields_set else None

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        return checked_timezone(zone)


def _may_share_an_app(one: Value | None, two: Value | None) -> bool:
    """Whether two events of a row may be of one app: not where two constants differ."""
    constants = [value and value.constant for value in (one, two)]
    return None in constants or constants[0] == constants[1]


def checked_timezone(zone: str) -> str:
    """Return `zone` if it is an IANA name.

    Raises:
        ValueError: when it is not.
    """
    if zone not in _zones():
        raise ValueError(f"{zone!r} is no IANA time zone; say for example Europe/Berlin or UTC")
    return zone


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"}  # which is another zone on another machine


def bundled() -> list[str]:
    """The names of the mappings that come with Footfall."""
    return sorted(
        file.name.removesuffix(".yml")
        for file in resources.files("ingest.mappings").iterdir()
        if file.name.endswith(".yml")
    )


def read_mapping(name_or_path: str) -> Mapping:
    """Read a mapping by the name of a bundled one, or from a YAML file.

    Raises:
        MappingError: when there is none, or it does not hold what a mapping holds.
    """
    if name_or_path in bundled():
        text = (resources.files("ingest.mappings") / f"{name_or_path}.yml").read_text()
    elif Path(name_or_path).is_file():
        try:
            text = Path(name_or_path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise MappingError(f"{name_or_path} is no UTF-8 text. Save it as UTF-8.") from None
    else:
        raise MappingError(f"There is no mapping {name_or_path}. Give a YAML file, or one of: {', '.join(bundled())}.")
    try:
        content = yaml.safe_load(text)
        return Mapping.model_validate(content)
    except yaml.YAMLError as error:
        raise MappingError(f"{name_or_path} is no YAML: {error}") from None
    except ValidationError as error:
        raise MappingError(f"{name_or_path}: {'; '.join(_explain(each) for each in error.errors())}.") from None


def _explain(error: Any) -> str:
    where = [part for part in error["loc"] if part != "[key]"]
    legal: list[str] = []
    if error["type"] == "extra_forbidden":
        model: Any = Mapping
        if where[0] == "source":
            model = SourceOptions
        elif where[0] == "events":
            model = MappedEvent if len(where) == 3 else Value
        legal = list(model.model_fields)
    message = f"legal keys here: {', '.join(legal)}" if legal else error["msg"].removeprefix("Value error, ")
    return f"{'.'.join(str(part) for part in where) or 'the file'}: {message}"


def check_columns(mapping: Mapping, columns: dict[str, str], mapping_name: str, file_name: str) -> None:
    """Raise MappingError when the mapping reads a column that the file does not have."""
    have = {column.lower() for column in columns}
    for place, column in columns_read(mapping):
        if column.lower() not in have:
            raise MappingError(
                f"{mapping_name}: {place} reads the column {column!r}, which {file_name} does not have; its columns "
                f"are {', '.join(columns)[:300]}. Correct the mapping, its delimiter, or the file's header."
            )


def columns_read(mapping: Mapping) -> list[tuple[str, str]]:
    """The columns that a mapping reads by name, each with the place in the mapping that reads it."""
    return [
        (f"events.{number}.{key}", value.column)
        for number, event in enumerate(mapping.events)
        for key, value in {
            **{field: event.text(field) for field in TEXT_FIELDS},
            **event.context,
            **event.properties,
        }.items()
        if value and value.column is not None
    ]


def draft(rows: str, mapping: Mapping, columns: Collection[str] | None, careful: bool) -> str:
    """Project rows onto the draft, one for each event that a row's conditions let through.

    A row that no condition lets through becomes a `no_event_matches`. With `careful`, an expression that fails spoils
    its own event (`mapping_failed`) and not the load. `columns` are those of the rows, None for rows of JSON.
    """
    is_json = columns is None
    events = []
    for number, event in enumerate(mapping.events):
        packed, condition = _packed(event, is_json), f"coalesce(({event.when}), false)"
        made = f"case when {condition} then {packed} end"
        if careful:
            failed = _packed(None, is_json, "mapping_failed", detail=_fault(number, event, columns))
            made = f"coalesce(try({made}), case when coalesce(try({condition}), true) then {failed} end)"
        events.append(made)
    unread = (
        f"case when _problem is not null then {_packed(None, is_json, '_problem', is_sql=True, detail='_detail')} end"
    )
    made = f"list_filter([{', '.join(events)}], lambda event: event is not null)"
    ids = "list_transform(made, lambda event: case when {0} is not null then (event.app, {0}) end)"
    ids = f"list_filter({ids.format('clean_id(event.event_id)')}, lambda id: id is not null)"
    whole = "made"
    if sum(event.text("event_id") is not None for event in mapping.events) > 1:
        names = "list_transform(made, lambda event: concat(event.event_name, ' ', event.event_id))"
        told = f"concat('{_SHARED_ID}', array_to_string({names}, ', '))"
        whole = f"case when len(list_distinct({ids})) < len({ids}) then error({told}) else made end"
    nothing = _packed(None, is_json, "no_event_matches", detail="'no condition of the mapping lets the row through'")
    return f"""
        select row_number, raw, unnest(event), null::varchar as context_other
        from (
            select _row_number as row_number, _raw as raw, unnest(
                case when _problem is not null then [{unread}] when len(made) = 0 then [{nothing}] else {whole} end
            ) as event
            from (select *, case when _problem is null then {made} end as made from ({rows}))
        )"""


def assert_own_ids(error: Exception, mapping_name: str | None) -> None:
    """Raise MappingError when what DuckDB says is that events of one row share an id."""
    _, found, events = str(error).partition(_SHARED_ID)
    if found:
        raise MappingError(
            f"{mapping_name}: {_SHARED_ID}{events.splitlines()[0]}. An event_id names one event: of two on a day one "
            f"would be dropped, so nothing was loaded. {OWN_IDS}"
        ) from None


def _fault(number: int, event: _Event, columns: Collection[str] | None) -> str:
    """The SQL of which of an event's expressions fail on a row, and of the values of the columns that they name."""
    expressions = {"when": str(event.when)} if isinstance(event.when, str) else {}
    values = {**{field: event.text(field) for field in TEXT_FIELDS}, "problem": event.problem}
    values |= {f"context.{key}": value for key, value in event.context.items()}
    values |= {f"properties.{key}": value for key, value in event.properties.items()}
    expressions |= {place: value.sql for place, value in values.items() if value and value.sql is not None}
    faults = []
    for place, sql in expressions.items():
        read = [column for column in columns or () if re.search(rf"\b{re.escape(column)}\b", sql, re.IGNORECASE)]
        shown = "".join(
            f" || {literal(f', {column} is ')} || coalesce({literal(chr(39))} || left({quoted(column)}::varchar, 100) "
            f"|| {literal(chr(39))}, 'empty')"
            for column in read
        )
        told = literal(f"events.{number}.{place} fails: {sql}")
        # a value that is null is none that fails
        faults.append(f"case when try(struct_pack(made := ({sql}))) is null then {told}{shown} end")
    return f"concat_ws('; ', {', '.join(faults)})" if faults else "null"


def _packed(
    event: _Event | None, is_json: bool, problem: str | None = None, is_sql: bool = False, detail: str = "null"
) -> str:
    """The SQL of one event as a struct of text."""
    fields = {"problem_detail": detail}
    for field in TEXT_FIELDS:
        fields[field] = _sql(event.text(field) if event else None, is_json)
    for field in CONTEXT_FIELDS:
        fields[field] = _sql(event.context.get(field) if event else None, is_json)
    properties = "null"
    if event and event.properties:
        members = (
            f"{quoted(key)} := {_sql(value, is_json, as_property=True)}" for key, value in event.properties.items()
        )
        properties = f"to_json(struct_pack({', '.join(members)}))"
    fields["properties"] = properties
    if event and event.problem:
        fields["problem"] = _sql(event.problem, is_json)
    else:
        fields["problem"] = problem if is_sql and problem else literal(problem) if problem else "null"
    return f"struct_pack({', '.join(f'{name} := {value}::varchar' for name, value in fields.items())})"


def _sql(value: Value | None, is_json: bool, as_property: bool = False) -> str:
    if value is None:
        return "null"
    if value.sql is not None:
        made = f"({value.sql})"
    elif value.constant is not None:
        made = literal(value.constant) if isinstance(value.constant, str) else str(value.constant).lower()
    elif is_json:
        made = f"(json {'->' if as_property else '->>'} {json_path(*(value.column or '').split('.'))})"
    else:
        made = quoted(value.column or "")
    if value.format and value.format.endswith("%Z"):
        # the name goes on to the one reader of times: DuckDB takes an abbreviation for any zone that has it
        name = f"regexp_extract({made}::varchar, '[^ ]+$')"
        clock = f"rtrim(left({made}::varchar, length({made}::varchar) - length({name})))"
        read = f"try_strptime({clock}, {literal(value.format.removesuffix('%Z').rstrip())})::varchar || ' ' || {name}"
        made = f"coalesce({read}, {made}::varchar)"
    elif value.format:
        made = f"coalesce(try_strptime({made}::varchar, {literal(value.format)})::varchar, {made}::varchar)"
    return made
