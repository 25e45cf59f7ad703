"""The vocabulary of questions: what every kind of question shares, and the errors that help to mend one."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PositiveInt,
    RootModel,
    SerializerFunctionWrapHandler,
    Strict,
    StrictBool,
    StrictStr,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from serving.ask.settings import setting

if TYPE_CHECKING:
    from serving.ask.scope import Answerable, Scope


@dataclass(frozen=True)
class Fault:
    """What is wrong with a question: where it stands, by keys and list places from the outside in, and the sentence.

    The place is empty where the fault is of the question as a whole.
    """

    place: tuple[str | int, ...]
    sentence: str


class AskError(ValueError):
    """A question that cannot be answered: the message names the key, the fault and the mend.

    `faults` holds the same, a fault for each line, with their places.
    """

    def __init__(self, message: str, faults: Iterable[Fault] = ()) -> None:
        """Take the message, and the faults that it is made of where their places are known."""
        super().__init__(message)
        self.faults = tuple(faults) or tuple(Fault((), line) for line in message.splitlines())


class UnknownNameError(AskError):
    """A question that is well put, of an app, event or property that no event has."""


class UnseenError(AskError):
    """A question that reads what is published of all apps together alone, by who sees one of them."""


class Part(BaseModel):
    """A JSON object of the vocabulary: every key is known, or the question is refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)


LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")


def local_time(value: object) -> Any:
    """Return the date or the zoneless datetime that a text of the vocabulary names; null and dates come back.

    Raises ValueError for anything else, and for years outside 1900 to 2200.
    """
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str) or not LOCAL_TIME.fullmatch(value):
        raise ValueError(
            'must be a local date "2026-01-31" or a local time "2026-01-31T18:30:00" without a zone; '
            "set `timezone` for the zone"
        )
    moment = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if not 1900 <= moment.year <= 2200:
        raise ValueError("must lie in the years 1900 to 2200")
    return moment


LocalTime = Annotated[
    Any,
    BeforeValidator(local_time),
    PlainSerializer(lambda value: value and value.isoformat()),
    WithJsonSchema({"type": ["string", "null"], "pattern": f"^{LOCAL_TIME.pattern}$"}),
]


def _scalar(value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("must be a finite number")
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError("must be a text, a number, true, false or null")
    return value


def _comparable(value: object) -> object:
    if isinstance(value, bool) or not isinstance(_scalar(value), int | float | str):
        raise ValueError("must be a number or a text")
    return value


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
Comparable = Annotated[Any, BeforeValidator(_comparable), WithJsonSchema({"type": ["string", "number"]})]
# a century of seconds: DuckDB and Python count no further than some thousand years
Count = Annotated[PositiveInt, Strict(), Field(le=3_155_760_000)]
Period = Literal["hour", "day", "week", "month"]
MOST_KEYS = 5


def _keys(value: object) -> object:
    keys = value if isinstance(value, list) else [value]
    if value is not None and not (0 < len(keys) <= MOST_KEYS and all(isinstance(key, str) and key for key in keys)):
        raise ValueError(f'must be a key, or a list of up to {MOST_KEYS} keys, as in ["plan", "context.country"]')
    if len(set(map(str, keys))) < len(keys):
        raise ValueError("names a key twice")
    return value


# one key, or several, whose values together are one
Keys = Annotated[
    Any,
    BeforeValidator(_keys),
    WithJsonSchema({
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_KEYS},
            {"type": "null"},
        ]
    }),
]  # fmt: skip


def keys_in(keys: object) -> list[str]:
    """Return the keys that a value of `Keys` names."""
    return list(keys) if isinstance(keys, list) else [str(keys)] if keys is not None else []


class Condition(Part):
    """What a value must fulfil; several operators must all hold.

    Text compares as written by eq, ne, in and not_in, whatever its case by contains and not_contains, and by
    RE2 anywhere in the value by regex. A number compares as a number, also with text that is one. The negative
    operators hold where the property is not set. Null means not set.
    """

    eq: Scalar = None
    ne: Scalar = None
    in_: list[Scalar] | None = Field(None, alias="in")
    not_in: list[Scalar] | None = None
    gt: Comparable = None
    gte: Comparable = None
    lt: Comparable = None
    lte: Comparable = None
    contains: StrictStr | None = None
    not_contains: StrictStr | None = None
    regex: StrictStr | None = None
    is_set: StrictBool | None = None

    @model_serializer(mode="wrap")
    def _only_what_it_says(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        said = {self.__class__.model_fields[name].alias or name for name in self.model_fields_set}
        return {name: value for name, value in serialize(self).items() if name in said}

    def written(self) -> dict[str, Any]:
        """Return the operators that are set, by their names in the vocabulary, in a fixed order."""
        return {name.rstrip("_"): getattr(self, name) for name in sorted(self.model_fields_set)}

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if not self.model_fields_set:
            raise ValueError('an empty condition: give it an operator, as in {"gte": 10}')
        for name in self.model_fields_set - {"eq", "ne"}:
            if getattr(self, name) is None:
                raise ValueError(
                    f'`{name.rstrip("_")}` cannot be null; to ask whether a property is set use {{"is_set": true}}'
                )
        return self


def _shape_of_condition(value: object) -> str:
    if isinstance(value, dict | Condition):
        return "operators"
    return "one of" if isinstance(value, list) else "equals"


Test = Annotated[
    Annotated[Scalar, Tag("equals")] | Annotated[list[Scalar], Tag("one of")] | Annotated[Condition, Tag("operators")],
    Discriminator(_shape_of_condition),
]


class Where(RootModel[dict[StrictStr, Test]]):
    """Conditions by key, all of which must hold. A key names a property, `context.<field>` or an envelope field."""

    root: dict[StrictStr, Test] = Field(default_factory=dict)

    def conditions(self) -> list[tuple[str, Condition]]:
        """Return (key, condition) with the short forms written out."""
        written_out = []
        for key, test in self.root.items():
            if isinstance(test, list):
                test = Condition.model_validate({"in": test})
            elif not isinstance(test, Condition):
                test = Condition.model_validate({"eq": test})
            written_out.append((key, test))
        return written_out


class Selector(Part):
    """The events of one name (null: of any), restricted by `where`."""

    event_name: StrictStr | None = None
    where: Where = Field(default_factory=Where)


class Question(Part):
    """The keys that every kind of question has."""

    # whether conversions are credited to visits: `breakdown` is then a word for what a visit has, and no key of events
    credits_visits: ClassVar[bool] = False

    kind: str
    date_from: LocalTime = None
    date_to: LocalTime = None
    timezone: StrictStr = Field(default_factory=lambda: str(setting("reporting_timezone")))
    week_start: Literal["monday", "sunday"] = Field(default_factory=lambda: setting("week_start"))  # type: ignore[arg-type]
    unit: Annotated[StrictStr, Field(pattern=r"^(person|account|session|properties\..+)$")] = "person"
    app: StrictStr | None = None
    where: Where = Field(default_factory=Where)

    @property
    def most_listed(self) -> int | None:
        """How many rows are listed before others are left out; None where all are."""
        most: int | None = getattr(self, "top", None)
        return most

    def compile(self, scope: "Scope") -> "Answerable":
        """Return the SQL that answers this question within `scope`."""
        raise NotImplementedError


def nearest_word(wrong: str, legal: Iterable[str]) -> str | None:
    """Return the legal word nearest to a wrong one, or None."""
    words = list(legal)
    found = difflib.get_close_matches(wrong, words, n=1, cutoff=0.6) or [
        word for word in words if wrong and wrong in word
    ]
    return found[0] if found else None


def nearest(wrong: str, legal: Iterable[str]) -> str:
    """Return '; did you mean …?' for the legal word nearest to a wrong one, else a full stop."""
    found = nearest_word(wrong, legal)
    return f"; did you mean `{found}`?" if found else "."


def legal_keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a JSON object of the vocabulary as people write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_on(path: tuple[int | str, ...], model: type[BaseModel]) -> type[BaseModel]:
    found = model
    for step in path:
        for name, field in found.model_fields.items():
            if step in (name, field.alias):
                inner = [part for part in _parts_of(field.annotation) if part is not found]
                found = inner[0] if inner else found
                break
        else:
            if step == "operators":
                found = Condition
    return found


def _parts_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [part for inner in getattr(annotation, "__args__", ()) for part in _parts_of(inner)]


# what pydantic adds to the path of a fault where a value may have several shapes
SHAPES = ("operators", "one of", "equals", "an event", "a word", "bool", "int", "float", "str")


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    path = tuple(step for step in error["loc"] if step not in SHAPES)
    place = ".".join(str(step) for step in path)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        legal = legal_keys(_models_on(error["loc"][:-1], model))
        inside = f" in `{'.'.join(str(step) for step in path[:-1])}`" if len(path) > 1 else ""
        return f"unknown key `{path[-1]}`{inside}{nearest(str(path[-1]), legal)} Legal keys: {', '.join(legal)}."
    if kind == "missing":
        return f"`{place}` is missing: this question cannot be asked without it."
    given = json.dumps(error["input"], default=str)
    if kind == "literal_error":
        legal = re.findall(r"'([^']*)'", context["expected"])
        return f"`{place}` is {given}{nearest(str(error['input']), legal)} Legal values: {', '.join(legal)}."
    if kind == "string_pattern_mismatch" and place == "unit":
        return f"`unit` is {given}. Legal values: person, account, session, properties.<name>."
    if kind in ("model_type", "dict_type"):
        shape = '{"event_name": "purchase"}' if "Selector" in error["msg"] else '{"key": value}'
        return f"`{place}` is {given}: it must be an object, as in {shape}."
    message = str(context["error"]) if kind == "value_error" else error["msg"][0].lower() + error["msg"][1:]
    return f"`{place}` is {given}: {message}." if place else f"{message}."


def explain(error: ValidationError, model: type[BaseModel]) -> AskError:
    """Return an AskError whose message has one line for each fault of the question, nearest mends included."""
    faults: dict[str, Fault] = {}
    for found in error.errors(include_url=False):
        sentence = _sentence(found, model)
        sentence = sentence[0].upper() + sentence[1:]
        faults.setdefault(sentence, Fault(tuple(step for step in found["loc"] if step not in SHAPES), sentence))
    return AskError("\n".join(faults), faults.values())


def place_of(name: str, question: object, last: Iterable[str] = ()) -> tuple[str | int, ...]:
    """Return where a name stands in a question's JSON, as a value or as the key of a condition.

    A place that ends with one of the keys `last` comes before others; the place is empty where the name is nowhere.
    """
    places = list(_places(name, question))
    wanted = [place for place in places if place[-1] in tuple(last)]
    return next(iter([*wanted, *places]), ())


def _places(name: str, part: object) -> Iterator[tuple[str | int, ...]]:
    inside: Iterable[tuple[str | int, object]] = ()
    if isinstance(part, dict):
        inside = part.items()
    elif isinstance(part, list | tuple):
        inside = enumerate(part)
    for step, value in inside:
        if name in (step, value):
            yield (step,)
        for place in _places(name, value):
            yield (step, *place)
