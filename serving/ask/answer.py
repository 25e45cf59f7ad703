"""Ask one question of the published events and give the answer as rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
from pydantic import ValidationError

from serving.ask.kinds import KINDS
from serving.ask.names import settle_names
from serving.ask.scope import Range, Scope
from serving.ask.settings import built_with
from serving.ask.vocabulary import AskError, Question, explain, nearest
from serving.rows import as_csv


@dataclass(frozen=True)
class Answer:
    """The rows that answer a question, with the question as it was understood (every default filled in).

    `as_of` is the data's own clock in UTC, the time of its last activity (of the app's last event, where the question
    is of one); null where there is none. Days and hours are those of `timezone`. `warnings` name what the question asks
    for and the data does not have. `values` are the rows before dates and decimals were made plain. `is_cut` says that
    there may be more rows, as many being listed as the question takes.
    """

    question: dict[str, Any]
    as_of: str | None
    columns: list[str]
    rows: list[list[Any]]
    warnings: tuple[str, ...] = ()
    types: tuple[str, ...] = field(default=(), compare=False)
    values: list[Any] = field(default_factory=list, repr=False, compare=False)
    is_cut: bool = False

    @property
    def timezone(self) -> str:
        """The zone of the answer's days and hours: the question's, else that of the publication's settings."""
        return str(self.question["timezone"])

    def about(self) -> dict[str, Any]:
        """Return what is told beside the rows."""
        return {
            "question": self.question,
            "as_of": self.as_of,
            "timezone": self.timezone,
            "warnings": [*self.warnings],
        }

    def as_json(self) -> str:
        """Return the answer as one JSON object."""
        return json.dumps({**self.about(), "columns": self.columns, "rows": self.rows}, ensure_ascii=False)

    def as_csv(self) -> str:
        """Return the rows as CSV with a header; null is an empty field."""
        return as_csv(self.columns, self.rows)


def read_question(spec: object) -> Question:
    """Return the validated question of a JSON value.

    Raises AskError that names every wrong key or value, the nearest legal one and the legal ones.
    """
    if not isinstance(spec, dict):
        raise AskError('A question is one JSON object, such as {"kind": "active_users"}.')
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        fault = "`kind` is missing." if kind is None else f"`kind` is {json.dumps(kind)}{nearest(str(kind), KINDS)}"
        raise AskError(f"{fault} Legal kinds: {', '.join(KINDS)}.")
    model = KINDS[kind]
    try:
        json.dumps(spec, ensure_ascii=False, default=str, skipkeys=True).encode()
    except UnicodeEncodeError:
        raise AskError("The question holds half a character (a lone surrogate), which no text has.") from None
    except RecursionError:
        raise AskError("The question is nested deeper than any question is.") from None
    try:
        return model.model_validate(spec)
    except ValidationError as error:
        raise explain(error, model) from error


def ask(
    connection: duckdb.DuckDBPyConnection,
    spec: object,
    settings: Mapping[str, object] | None = None,
    *,
    allow_unknown: bool = False,
    most_rows: int | None = None,
    ranges: dict[str | None, Range] | None = None,
) -> Answer:
    """Answer one question (a JSON value of the vocabulary) from the relation `events` of this connection.

    `settings` are those that the publication was built with. They fill in what the question leaves open, and a
    published `fct_person_days`, whose days are theirs, then answers what it can, to the same rows; without them
    every answer comes from `events` and the project's settings hold. Rows come in a fixed order that does not depend
    on the order of the data. Raises AskError where the question is wrong, or names an app, event or property that no
    event has (UnknownNameError); with `allow_unknown` the latter is a warning. An answer of more than `most_rows` is an
    error too, as a server has not the memory for every one. `ranges` holds what questions of the same events have read
    of when these begin and end, and spares the next one reading them all for it.
    """
    with built_with(settings):
        question = read_question(spec)
        zone = None if settings is None or "reporting_timezone" not in settings else str(settings["reporting_timezone"])
        scope = Scope(question, connection, person_days_timezone=zone, ranges={} if ranges is None else ranges)
        warnings = settle_names(scope, allow_unknown=allow_unknown)
        as_of = None if scope.as_of is None else scope.as_of.isoformat()
        compiled = question.compile(scope)
    cursor = connection.execute(compiled.sql, scope.parameters)
    columns = [column[0] for column in cursor.description]
    found = cursor.fetchall() if most_rows is None else cursor.fetchmany(most_rows + 1)
    if most_rows is not None and len(found) > most_rows:
        raise AskError(f"The answer has more than {most_rows:,} rows. Narrow the dates or ask for longer periods.")
    types = tuple(str(column[1]) for column in cursor.description)
    values = [] if scope.is_empty else found
    rows = [[_plain(value) for value in row] for row in values]
    is_cut = question.most_listed is not None and len(rows) >= question.most_listed
    return Answer(question.model_dump(mode="json"), as_of, columns, rows, tuple(warnings), types, values, is_cut)


def question_schema() -> dict[str, Any]:
    """Return the JSON Schema of the whole vocabulary."""
    definitions: dict[str, Any] = {}
    for model in KINDS.values():
        schema = model.model_json_schema(by_alias=True)
        definitions.update(schema.pop("$defs", {}))
        definitions[model.__name__] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A question to Footfall",
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in KINDS.values()],
        "$defs": definitions,
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
