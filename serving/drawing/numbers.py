"""Numbers, money, durations and dates as people read them."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

from ingest.vendors.money import decimals

THIN = "\u00a0"
UNKNOWN = "–"
SYMBOLS = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹", "CNY": "CN¥", "CHF": "CHF", "BRL": "R$"}
SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
# the last part of a column's name says its unit
SUFFIXES = {
    "cents": "cents", "seconds": "seconds", "rate": "share", "share": "share", "retention": "share", "csat": "share",
    "change": "share", "growth": "share", "utilization": "share", "date": "date", "start": "date", "at": "time",
    "start_date": "date",
}  # fmt: skip


def unit_of_card(unit: str) -> str:
    """The unit of a card's words: `cents a person` is money, `persons` a number."""
    first = unit.split()[0] if unit else ""
    return first if first in ("cents", "share", "ratio", "seconds") else "number"


def unit_of_column(name: str) -> str:
    """The unit that a column's name says."""
    return SUFFIXES.get(name.removesuffix("_from_previous").rsplit("_", 1)[-1], "number")


def title_of(name: str) -> str:
    """A column's name as a heading."""
    words = name.removeprefix("is_").replace("_", " ").strip()
    for unit in (" cents", " seconds"):
        words = words.removesuffix(unit)
    return words[:1].upper() + words[1:]


def value_text(value: Any, unit: str = "number", currency: str = "USD", *, is_full: bool = False) -> str:
    """A value as it is written; `is_full` leaves nothing of it out that says something."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{day_text(value)} {value:%H:%M}"
    if isinstance(value, date):
        return month_text(value) if unit == "month" else day_text(value)
    if isinstance(value, str):
        return value
    if unit == "text" or (not isinstance(value, int | float) and not hasattr(value, "__float__")):
        return str(value)
    number = float(value)
    if unit == "share":
        return _share(number, is_full)
    if unit == "cents":
        return _money(number, currency, is_full)
    if unit == "seconds":
        return duration_text(number)
    text = number_text(number, is_full)
    return f"{text}×" if unit == "ratio" else text


def number_text(number: float, is_full: bool = False) -> str:
    """1,629 · 9.75 M · 3.14."""
    if not is_full and (scaled := _scaled(number)):
        return _signed(scaled, number)
    if number == int(number) or abs(number) >= 1000:
        return _signed(f"{abs(number):,.0f}", number)
    size = abs(number)
    return _signed(
        f"{size:.3g}" if size < 0.1 or (size < 10 and not is_full) else f"{size:.{2 if is_full else 1}f}", number
    )


def duration_text(seconds: float) -> str:
    """3 min 20 s: the two largest units that say something."""
    whole = round(abs(seconds))
    if whole == 0:
        return "0 s" if seconds == 0 else "less than 1 s"
    parts = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, whole = divmod(whole, size)
        if count:
            parts.append((size, f"{count}{THIN}{name}"))
    # 2 d 3 s is 2 d: what is more than one size smaller says nothing
    sizes = [86_400, 3_600, 60, 1]
    shown = [text for size, text in parts[:2] if sizes.index(size) - sizes.index(parts[0][0]) <= 1]
    return _signed(" ".join(shown), seconds)


def day_text(day: date) -> str:
    """9 Dec 2011."""
    return f"{day.day}{THIN}{day:%b}{THIN}{day.year}"


def month_text(day: date) -> str:
    """Dec 2011."""
    return f"{day:%b}{THIN}{day.year}"


def period_text(start: date, period: str) -> str:
    """A period by its kind: an hour, a day, the week of its first day, a month."""
    if isinstance(start, datetime):
        return value_text(start)
    if period == "month":
        return month_text(start)
    return f"week of {day_text(start)}" if period == "week" else day_text(start)


def change_of(value: float | None, previous: float | None, unit: str) -> float | None:
    """How much a value is above the one before: in shares of it, of a share in points; null where that says nothing."""
    if value is None or previous is None:
        return None
    if unit == "share":
        return (value - previous) * 100
    return None if previous == 0 else (value - previous) / abs(previous)


def change_text(change: float, unit: str) -> str:
    """A change with its arrow: ▲ 4.2 %, of a share ▼ 1.3 points."""
    text = f"{abs(change):.1f}{THIN}points" if unit == "share" else f"{abs(change) * 100:,.1f}{THIN}%"
    shown = 0.05 if unit == "share" else 0.0005
    arrow = "→" if abs(change) < shown else "▲" if change > 0 else "▼"
    return f"{arrow}{THIN}{text}"


def axis_of(largest: float, unit: str, currency: str) -> tuple[float, str, str]:
    """What values are divided by for an axis, what stands before and behind its numbers."""
    if unit == "share":
        return 0.01, "", f"{THIN}%"
    if unit == "cents":
        symbol = _symbol(currency)
        return 10 ** decimals(currency), symbol if len(symbol) == 1 else "", "" if len(symbol) == 1 else f" {currency}"
    if unit == "seconds":
        for size, name in ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min")):
            if largest >= 2 * size:
                return size, "", f"{THIN}{name}"
        return 1, "", f"{THIN}s"
    return 1, "", "×" if unit == "ratio" else ""


def _share(share: float, is_full: bool) -> str:
    percent = share * 100
    if 0 < abs(percent) < 0.05 and not is_full:
        return f"less than 0.1{THIN}%" if percent > 0 else f"more than −0.1{THIN}%"
    text = f"{abs(percent):,.{2 if is_full else 1}f}" if abs(percent) < 1000 else f"{abs(percent):,.0f}"
    return f"{_signed(text.rstrip('0').rstrip('.') if '.' in text else text, percent)}{THIN}%"


def _money(minor: float, currency: str, is_full: bool) -> str:
    symbol, digits = _symbol(currency), decimals(currency)
    amount = minor / 10**digits
    size = abs(amount)
    scaled = None if is_full else _scaled(amount)
    text = scaled or (f"{size:,.{digits}f}" if is_full or size < 1000 else f"{size:,.0f}")
    written = f"{symbol}{text}" if len(symbol) < 3 or symbol == "CN¥" else f"{text}{THIN}{symbol}"
    return _signed(written, amount)


def _scaled(number: float) -> str | None:
    """The size of a large number, 9.75 M; None of one that is written out."""
    for scale, letter in SCALES:
        if abs(number) >= scale * 0.99995:
            return f"{abs(number) / scale:.3g}{THIN}{letter}"
    return None


def _symbol(currency: str) -> str:
    return SYMBOLS.get(currency, currency)


def _signed(text: str, number: float) -> str:
    return f"−{text}" if number < 0 and any(digit in text for digit in "123456789") else text
