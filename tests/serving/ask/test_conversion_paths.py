"""Paths to conversions: letters are channels, a visit a day, as in the cases of attribution; beside an oracle."""

# ruff: noqa: E501 - one row, one line

from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.ask import AskError
from tests.serving.ask.data import ask
from tests.serving.ask.test_attribution_cases import CHANNELS, NOON, SERVER, published

DAY = 86_400


def paths(touches, conversions, **question):
    """The rows of an answer, channels as letters."""
    asked = {"kind": "conversion_paths", "event": {"event_name": "buy"}, "value": "cents"} | question
    letters = {channel: letter for letter, channel in CHANNELS.items()}
    answer = ask(published(touches, conversions), asked)
    return [["".join(letters.get(each, each) for each in row[0].split(" > ")), *row[1:]] for row in answer.rows]


CASES = {
    "in their order": ({"u": "seo"}, [("u", 2, 10)], {}, [["seo", 3, 1, 10, 2 * DAY]]),
    "repeats are one": ({"u": "sseed"}, [("u", 4, 10)], {}, [["sed", 5, 1, 10, 4 * DAY]]),
    "or are not": ({"u": "sse"}, [("u", 2, 10)], {"collapse_repeats": False}, [["sse", 3, 1, 10, 2 * DAY]]),
    "back again is no repeat": ({"u": "ses"}, [("u", 2, 10)], {}, [["ses", 3, 1, 10, 2 * DAY]]),
    "the look-back is inclusive": ({"u": "se"}, [("u", 2, 10)], {"lookback_days": 2}, [["se", 2, 1, 10, 2 * DAY]]),
    "and ends there": ({"u": "se"}, [("u", 2, 10)], {"lookback_days": 1}, [["e", 1, 1, 10, DAY]]),
    "what comes later is not on it": ({"u": "seo"}, [("u", 1, 10)], {}, [["se", 2, 1, 10, DAY]]),
    "no visit is direct": ({}, [("u", 1, 10)], {}, [["d", 0, 1, 10, None]]),
    "a server's session is no visit": ({"u": "sx"}, [("u", 1, 10)], {}, [["s", 1, 1, 10, DAY]]),
    "two of one person": ({"u": "se"}, [("u", 0, 1), ("u", 1, 2)], {}, [["s", 1, 1, 1, 0], ["se", 2, 1, 2, DAY]]),
    "only the first": ({"u": "se"}, [("u", 0, 1), ("u", 1, 2)], {"occurrence": "first_ever"}, [["s", 1, 1, 1, 0]]),
    "of an account": ({"u": "s", "v": " e"}, [("u", 1, 3)], {"unit": "account"}, [["se", 2, 1, 3, DAY]]),
    "the most frequent first": ({"u": "s", "v": "s", "w": "e"}, [("u", 0, 1), ("v", 0, 1), ("w", 0, 1)], {"top": 1}, [["s", 1, 2, 2, 0]]),
    "who did not convert": ({"u": "se", "v": "se", "w": "o"}, [("u", 1, 7)], {"not_converted": True}, [["se", 2, 1, 1, 7, DAY], ["o", None, 0, 1, 0, None]]),
    "in the range": ({"v": "se o"}, [], {"not_converted": True, "date_to": "2024-01-02"}, [["se", None, 0, 1, 0, None]]),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_paths(why):
    touches, conversions, question, expected = CASES[why]
    assert paths(touches, conversions, **question) == expected


def test_by_source_and_without_money():
    rows = ask(
        published({"u": "se"}, [("u", 1, 5)]),
        {"kind": "conversion_paths", "event": {"event_name": "buy"}, "breakdown": "source"},
    )
    assert rows.columns == ["path", "avg_touches", "conversions", "avg_seconds"]
    assert rows.rows == [["source s > source e", 2, 1, DAY]]


def test_sessions_have_no_visits_of_their_own():
    with pytest.raises(AskError, match="`unit` must be person or account"):
        paths({}, [], unit="session")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    touches=st.dictionaries(st.sampled_from("uvw"), st.text(f"seod{SERVER} ", max_size=8), max_size=3),
    conversions=st.lists(st.tuples(st.sampled_from("uvw"), st.integers(0, 9), st.integers(-5, 99)), max_size=6),
    lookback=st.integers(1, 6),
    is_collapsed=st.booleans(),
    until=st.integers(0, 9),
)
def test_paths_are_those_of_an_oracle(touches, conversions, lookback, is_collapsed, until):
    conversions = list({(user, day): (user, day, cents) for user, day, cents in conversions}.values())
    visits = {
        user: [(day, letter) for day, letter in enumerate(letters) if letter not in f" {SERVER}"]
        for user, letters in touches.items()
    }
    wanted = defaultdict(lambda: [[], 0, []])

    def path(user, end):
        found = [(day, letter) for day, letter in visits.get(user, []) if end - lookback <= day <= end]
        text = "".join(letter for _, letter in found) or "d"
        if is_collapsed:
            text = "".join(letter for place, letter in enumerate(text) if place == 0 or text[place - 1] != letter)
        return text, found

    converted = [each for each in conversions if each[1] <= until]
    for user, day, cents in converted:
        text, found = path(user, day)
        wanted[text][0].append((len(found), cents, (day - found[0][0]) * DAY if found else None))
    for user, seen in visits.items():
        last = max((day for day, _ in seen if day <= until), default=None)
        if last is not None and user not in {each[0] for each in converted}:
            wanted[path(user, last)[0]][1] += 1
    expected = []
    for text, (ends, others, _) in wanted.items():
        seconds = [each for _, _, each in ends if each is not None]
        expected.append(
            [
                text,
                sum(number for number, _, _ in ends) / len(ends) if ends else None,
                len(ends),
                others,
                sum(cents for _, cents, _ in ends),
                sum(seconds) / len(seconds) if seconds else None,
            ]
        )
    question = {"lookback_days": lookback, "collapse_repeats": is_collapsed, "not_converted": True}
    question["date_to"] = f"{(NOON + timedelta(days=until)).date()}"
    assert sorted(paths(touches, conversions, **question)) == sorted(expected)
    assert date.fromisoformat(question["date_to"])
