"""Money as people read it: in major units of its currency, which not all have a hundred minor ones."""

from __future__ import annotations

import pytest

from serving.drawing.numbers import axis_of, value_text


@pytest.mark.parametrize(
    ("currency", "short", "full", "divisor"),
    [
        ("USD", "$123.45", "$123.45", 100),
        ("JPY", "¥12,345", "¥12,345", 1),
        ("KWD", "12.345 KWD", "12.345 KWD", 1000),
    ],
)
def test_money_has_the_decimals_of_its_currency(currency: str, short: str, full: str, divisor: int) -> None:
    said = [value_text(12_345, "cents", currency, is_full=is_full).replace("\u00a0", " ") for is_full in (False, True)]
    assert said == [short, full]
    assert axis_of(12_345, "cents", currency)[0] == divisor
