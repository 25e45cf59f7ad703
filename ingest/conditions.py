"""What an event must be, in the vocabulary's `where`, as SQL, for questions and configured analyses alike.

A value reaches the SQL through `literal` only: a callable that gives its placeholder (questions) or its quoted literal
(configured analyses).
"""

from collections.abc import Callable, Mapping
from typing import Any

from ingest.envelope import CONTEXT_FIELDS, ID_FIELDS

Literal = Callable[[Any], str]

TIMES = ("occurred_at", "received_at")
ENVELOPE = ("event_id", "event_name", *ID_FIELDS, "app", "person_id", *TIMES)
SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}


def event_value(key: str) -> str:
    """Return the expression of a key's value, VARCHAR (TIMESTAMP for `occurred_at` and `received_at`).

    Args:
        key: a field of the envelope, `context.<field>`, `properties.<name>`, or the name of a property. Every text is
            legal but one with a NUL character, and none leaves the literal that it becomes.
    """
    if key in ENVELOPE:
        return key
    of_context = key.removeprefix("context.")
    if of_context != key and of_context in CONTEXT_FIELDS:
        return of_context
    is_of_context = of_context not in (key, "")
    name = of_context if is_of_context else key.removeprefix("properties.") or key
    pointer = name.replace("~", "~0").replace("/", "~1").replace("'", "''")
    return f"json_extract_string({'context_other' if is_of_context else 'properties'}, '/{pointer}')"


def as_number(text: str) -> str:
    """Return the expression of a VARCHAR expression as a finite DOUBLE, null where it is none."""
    return f"case when isfinite(try_cast({text} as double)) then try_cast({text} as double) end"


def as_amount(text: str) -> str:
    """Return the expression of a text as a number of six decimals, whose sums do not depend on the order of rows."""
    return f"try_cast({as_number(text)} as decimal(38, 6))"


def condition(expression: str, operators: Mapping[str, Any], literal: Literal) -> str:
    """Return the condition, never null, that a value fulfils every operator.

    Text compares as written by eq, ne, in and not_in, whatever its case by contains and not_contains, and by RE2
    anywhere in it by regex. A number compares as a number, digit by digit, also with text that is one; what JSON writes
    with a decimal point is a DOUBLE in the data and here, and longer ones are written as texts. The negative operators
    hold where the value is null; null means not set.
    """
    tests = (_test(expression, operator, value, literal) for operator, value in operators.items())
    return f"({' and '.join(tests)})"


def time_condition(expression: str, operators: Mapping[str, Any], literal: Literal) -> str:
    """Return the condition that a local time fulfils every operator; false or null where it is not set."""
    tests = (
        _is_set(expression, value)
        if operator == "is_set"
        else f"{expression} {SIGNS[operator]} {literal(value)}::timestamp"
        for operator, value in operators.items()
    )
    return f"({' and '.join(tests)})"


def _test(expression: str, operator: str, value: Any, literal: Literal) -> str:
    if operator == "is_set":
        return _is_set(expression, value)
    negation = "not " if operator in ("ne", "not_in", "not_contains") else ""
    if operator in ("eq", "ne"):
        return f"{negation}{_is_one_of(expression, [value], literal)}"
    if operator in ("in", "not_in"):
        return f"{negation}{_is_one_of(expression, value, literal)}"
    if operator in ("contains", "not_contains"):
        return f"{negation}coalesce(contains(lower({expression}), lower({literal(value)})), false)"
    if operator == "regex":
        return f"coalesce(regexp_matches({expression}, {literal(value)}), false)"
    compared = f"{literal(str(value))}::varchar"
    compares = _numbers_compare(expression, SIGNS[operator], compared)
    if not isinstance(value, str):
        return compares
    by_text = f"coalesce({expression} {SIGNS[operator]} {compared}, false)"
    return f"case when ({as_number(compared)}) is null then {by_text} else {compares} end"


def _is_set(expression: str, value: bool) -> str:
    return f"{expression} is {'not ' if value else ''}null"


def _is_one_of(expression: str, values: list[Any], literal: Literal) -> str:
    tests = [_is(expression, value, literal) for value in values if not isinstance(value, str)]
    if texts := [literal(value) for value in values if isinstance(value, str)]:
        tests.append(f"coalesce({expression} in ({', '.join(texts)}), false)")
    return f"({' or '.join(['false', *tests])})"


def _is(expression: str, value: bool | int | float | None, literal: Literal) -> str:
    if value is None:
        return f"({expression} is null)"
    if isinstance(value, bool):
        return f"coalesce({expression} = {literal('true' if value else 'false')}, false)"
    return _numbers_compare(expression, "=", f"{literal(str(value))}::varchar")


def _numbers_compare(expression: str, sign: str, number: str) -> str:
    """Return the condition, false where one is no number, that the numbers of two texts compare exactly.

    Two texts that are one DOUBLE may still be two numbers, so their digits decide; the list has each text read once.
    """
    value, other = as_number("value"), as_number(number)
    return f"""coalesce(list_transform([{expression}], lambda value: case
    when ({value}) = ({other}) then {_exact_number("value")} {sign} {_exact_number(number)}
    else ({value}) {sign} ({other})
end)[1], false)"""


def _exact_number(text: str) -> str:
    """Return a struct of a finite number's text that orders as the number does, whatever its length or exponent.

    Digits without zeros at their ends, by the place of the first one; of a negative number all of it turned round. No
    column of events may be called like the piece: it would be read instead.
    """
    pattern = "^([+-]?)([0-9]*)[.]?([0-9]*)(?:[eE]([+-]?[0-9]+))?$"
    digits = "ltrim(piece.whole || piece.fraction, '0')"
    sign = "case piece.sign when '-' then -1 else 1 end"
    return f"""list_transform(
    [regexp_extract(trim(replace({text}, '_', '')), '{pattern}', ['sign', 'whole', 'fraction', 'exponent'])],
    lambda piece: case when {digits} = '' then {{'side': 0, 'place': 0, 'digits': ''}} else {{
        'side': {sign},
        'place': {sign} * (coalesce(try_cast(piece.exponent as bigint), 0) - len(piece.fraction) + len({digits})),
        'digits': case piece.sign
            when '-' then translate(rtrim({digits}, '0'), '0123456789', '9876543210') || '~'
            else rtrim({digits}, '0')
        end
    }} end
)[1]"""
