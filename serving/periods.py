"""Days, and the weeks and months that they lie in, as the macro `period_start` has them."""

from __future__ import annotations

from datetime import date, timedelta


def period_of(day: date, period: str, week_start: str) -> date:
    """The start of the week or month that a day lies in; of any other period the day."""
    if period == "week":
        return day - timedelta(days=(day.weekday() + (week_start == "sunday")) % 7)
    return day.replace(day=1) if period == "month" else day


def period_after(start: date, period: str) -> date:
    """The start of the hour, day, week or month after that which starts on a day, or at an hour."""
    if period == "hour":
        return start + timedelta(hours=1)
    if period == "month":
        return months_before(start, -1)
    return start + timedelta(days=1 if period == "day" else 7)


def months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many before that of a day."""
    place = day.year * 12 + day.month - 1 - months
    return date(place // 12, place % 12 + 1, 1)
