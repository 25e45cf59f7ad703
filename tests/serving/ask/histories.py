"""Random small histories around the days on which the clocks change, and random questions about them."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

# (zone, UTC time at which its clocks change; Kathmandu's do not)
TURNS = [
    ("UTC", datetime(2024, 2, 29, 0)),
    ("Europe/Berlin", datetime(2024, 3, 31, 1)),
    ("Europe/Berlin", datetime(2024, 10, 27, 1)),
    ("America/New_York", datetime(2024, 3, 10, 7)),
    ("America/New_York", datetime(2024, 11, 3, 6)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15)),
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 15, 30)),
    ("Asia/Kathmandu", datetime(2023, 12, 31, 18, 15)),
]
# how far apart events lie: a few hours, days, or months around the turn
STEPS = {
    "hour": timedelta(minutes=15),
    "day": timedelta(hours=4),
    "week": timedelta(hours=11),
    "month": timedelta(hours=37),
}
PLANS = [None, "pro", "free", "Pro plus", "10", 10, 9.5, True]
TIERS = [{}, {"tier": "a"}, {"tier": "b"}, {"tier": "a"}, {"tier": "null"}, {"tier": 'a · "b'}]
TESTS = [
    "pro", 10, ["pro", None], {"ne": "pro"}, {"not_in": ["pro", 10]}, {"gt": 9}, {"gte": "10", "lt": 11}, {"lte": 9.5},
    {"contains": "PRO"}, {"not_contains": "r"}, {"regex": "^[pf]r"}, {"is_set": True}, {"is_set": False}, {"gt": "g"},
    True, None,
]  # fmt: skip
ids = st.sampled_from([None, "u1", "u2", "u3"])


@st.composite
def histories(draw, period, most=24):
    """A zone and shuffled events; ties, null ids and the exact edges of hours and days are likely."""
    zone, turn = draw(st.sampled_from(TURNS))
    step = STEPS[period]
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(-70, 70),
                ids,
                st.sampled_from([None, "d1", "d2"]),
                st.sampled_from("ab"),
                st.sampled_from(PLANS),
            ),
            min_size=1,
            max_size=most,
        )
    )
    rows = []
    for number, (place, user, device, name, plan) in enumerate(drawn):
        rows.append({
            "event_id": f"e{number:03}", "event_name": name, "occurred_at": turn + place * step, "user_id": user,
            "anonymous_id": device, "properties": ({} if plan is None else {"plan": plan}) | TIERS[number % len(TIERS)],
            "is_activity": not (name == "b" and place % 7 == 0),
        })  # fmt: skip
    return zone, draw(st.permutations(rows))


@st.composite
def common_keys(draw, zone, rows, period):
    """The keys that every question shares; ranges may begin before, end after or miss the events."""
    question = {"timezone": zone, "week_start": draw(st.sampled_from(["monday", "sunday"]))}
    question["unit"] = draw(st.sampled_from(["person", "person", "person", "properties.plan"]))
    if draw(st.integers(0, 3)) == 0:
        question["where"] = {"plan": draw(st.sampled_from(TESTS))}
    times = sorted(row["occurred_at"] for row in rows)
    for key, moment in (("date_from", times[0]), ("date_to", times[-1])):
        form = draw(st.sampled_from(["none", "date", "time"]))
        if form != "none":
            moved = moment + STEPS[period] * draw(st.integers(-8, 8) if key == "date_from" else st.integers(-4, 8))
            question[key] = moved.date().isoformat() if form == "date" else moved.isoformat()
    if question.get("date_to", "9") < question.get("date_from", "0"):
        del question["date_from"]
    return question


def selectors():
    """No selector, one name, any name, or one with a condition."""
    return st.sampled_from([None, None, {"event_name": "a"}, {"event_name": None}]) | st.sampled_from(TESTS).map(
        lambda test: {"event_name": "a", "where": {"plan": test}}
    )
