"""Attribution in small cases that a person can check by hand: sessions are touches a day apart, letters are channels."""

# ruff: noqa: E501 - one row, one line

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import jsonschema
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.values import install_macros
from serving.ask import AskError, question_schema
from serving.ask.engines import engine
from serving.ask.kinds.attribution import DAY_US, MODELS
from tests.serving.ask.data import ask, database, event

ROOT = Path(__file__).resolve().parents[3]
CHANNELS = {"s": "Paid Search", "e": "Email", "o": "Organic Social", "d": "Direct"}
# what only a server sends: a session, and no visit
SERVER = "x"
NOON = datetime(2024, 1, 1, 12)
FUNCTIONS = duckdb.connect()
install_macros(FUNCTIONS)


def published(touches, conversions):
    """Sessions by user, a letter a day, and conversions as (user, day, cents)."""
    rows = [
        event("buy", NOON + timedelta(days=day), user, properties={"cents": cents}, account_id="acme")
        for user, day, cents in conversions
    ]
    connection = database([*rows, event("look", NOON, "looker")])
    sessions = [
        {
            "session_id": f"{user}{day:03}", "person_id": user, "account_id": "acme", "started_at": NOON + timedelta(days=day),
            "is_visit": letter != SERVER, "channel": CHANNELS.get(letter, "Direct"), "traffic_source": f"source {letter}", "traffic_medium": f"medium {letter}",
            "utm_campaign": f"campaign {letter}", "utm_term": None, "utm_content": None, "entry_page": f"/{letter}", "referrer": None,
        }
        for user, letters in touches.items() for day, letter in enumerate(letters) if letter != " "
    ]  # fmt: skip
    types = {"started_at": pa.timestamp("us"), "is_visit": pa.bool_()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in (
        "session_id", "person_id", "account_id", "started_at", "is_visit", "channel", "traffic_source", "traffic_medium",
        "utm_campaign", "utm_term", "utm_content", "entry_page", "referrer",
    )])  # fmt: skip
    connection.register("sessions", pa.Table.from_pylist(sessions, schema=schema))
    connection.execute("create table fct_sessions as select * from sessions")
    return connection


def credits(letters, model, day=None, cents=900, **question):
    """What each letter's channel is credited with for one conversion, on the day of the last letter."""
    day = len(letters) - 1 if day is None else day
    question = {"kind": "attribution", "event": {"event_name": "buy"}, "value": "cents", "models": [model], **question}
    rows = ask(published({"u": letters}, [("u", day, cents)]), question).rows
    letter_of = {channel: letter for letter, channel in CHANNELS.items()}
    return {
        letter_of.get(channel, channel): (round(conversions, 6), amount) for _, channel, conversions, amount in rows
    }


CASES = {
    "first touch": ("seo", "first_touch", {}, {"s": (1, 900)}),
    "last touch": ("seo", "last_touch", {}, {"o": (1, 900)}),
    "last touch may be direct": ("sed", "last_touch", {}, {"d": (1, 900)}),
    "last non-direct passes over direct ones": ("sedd", "last_non_direct", {}, {"e": (1, 900)}),
    "last non-direct is the last touch where that is not direct": ("sde", "last_non_direct", {}, {"e": (1, 900)}),
    "last non-direct is direct where all touches are": ("dd", "last_non_direct", {}, {"d": (1, 900)}),
    "last non-direct does not reach behind the look-back": ("s  dd", "last_non_direct", {"lookback_days": 2}, {"d": (1, 900)}),
    "linear": ("seo", "linear", {}, {"s": (0.333333, 300), "e": (0.333333, 300), "o": (0.333333, 300)}),
    "linear: two touches of one channel add up": ("ses", "linear", {}, {"s": (0.666667, 600), "e": (0.333333, 300)}),
    "position: one touch takes all": ("s", "position_based", {}, {"s": (1, 900)}),
    "position: two touches take half each": ("se", "position_based", {}, {"s": (0.5, 450), "e": (0.5, 450)}),
    "position: 40-20-40": ("seo", "position_based", {}, {"s": (0.4, 360), "e": (0.2, 180), "o": (0.4, 360)}),
    "position: those between share the 20": ("seeo", "position_based", {}, {"s": (0.4, 360), "e": (0.2, 180), "o": (0.4, 360)}),
    "position: five touches, 6.67 % for each between": ("seodd", "position_based", {"breakdown": "entry_page"}, {"/s": (0.4, 360), "/e": (0.066667, 60), "/o": (0.066667, 60), "/d": (0.466667, 420)}),
    "time decay: a week older, half as much": ("s      e", "time_decay", {}, {"s": (0.333333, 300), "e": (0.666667, 600)}),
    "time decay: the half-life is a parameter": ("se", "time_decay", {"half_life_days": 1}, {"s": (0.333333, 300), "e": (0.666667, 600)}),
    "time decay counts from touch to touch, whenever the conversion is": ("se", "time_decay", {"half_life_days": 1, "day": 9}, {"s": (0.333333, 300), "e": (0.666667, 600)}),
    "time decay: one touch takes all, however old": ("s", "time_decay", {"day": 29, "half_life_days": 1}, {"s": (1, 900)}),
    "the look-back is inclusive": ("s", "first_touch", {"day": 30}, {"s": (1, 900)}),
    "and ends there": ("s", "first_touch", {"day": 31}, {"d": (1, 900)}),
    "a longer look-back reaches it": ("s", "first_touch", {"day": 31, "lookback_days": 31}, {"s": (1, 900)}),
    "the first touch is the first in the look-back": ("seo", "first_touch", {"lookback_days": 1}, {"e": (1, 900)}),
    "position in the look-back only": ("seo", "position_based", {"lookback_days": 1}, {"e": (0.5, 450), "o": (0.5, 450)}),
    "a touch after the conversion does not count": ("seo", "last_touch", {"day": 1}, {"e": (1, 900)}),
    "nor in the sum": ("seo", "linear", {"day": 1}, {"s": (0.5, 450), "e": (0.5, 450)}),
    "an order that a server sends is no touch": ("sx", "last_touch", {}, {"s": (1, 900)}),
    "nor the first": ("xsx", "first_touch", {}, {"s": (1, 900)}),
    "nor one of several": ("sxe", "linear", {}, {"s": (0.5, 450), "e": (0.5, 450)}),
    "without a visit it is direct": ("x", "linear", {"breakdown": "source"}, {"(direct)": (1, 900)}),
    "an account's too": ("sx", "last_touch", {"unit": "account"}, {"s": (1, 900)}),
    "no touch is direct": ("", "linear", {"day": 0}, {"d": (1, 900)}),
    "only later touches are no touch": ("   s", "linear", {"day": 0}, {"d": (1, 900)}),
    "no touch has the source (direct)": ("", "linear", {"day": 0, "breakdown": "source"}, {"(direct)": (1, 900)}),
    "no touch has no campaign": ("", "linear", {"day": 0, "breakdown": "campaign"}, {None: (1, 900)}),
    "by source": ("s", "linear", {"breakdown": "source"}, {"source s": (1, 900)}),
    "by medium": ("s", "linear", {"breakdown": "medium"}, {"medium s": (1, 900)}),
    "by campaign": ("s", "linear", {"breakdown": "campaign"}, {"campaign s": (1, 900)}),
    "odd cents go to the later touch": ("se", "linear", {"cents": 101}, {"s": (0.5, 50), "e": (0.5, 51)}),
    "10 cents on three": ("seo", "linear", {"cents": 10}, {"s": (0.333333, 3), "e": (0.333333, 3), "o": (0.333333, 4)}),
    "the largest remainder takes the cent: 0.4, 0.2 and 0.4 of 2": ("seo", "position_based", {"cents": 2}, {"s": (0.4, 1), "e": (0.2, 0), "o": (0.4, 1)}),
    "money given back is split like money": ("seo", "linear", {"cents": -10}, {"s": (0.333333, -3), "e": (0.333333, -3), "o": (0.333333, -4)}),
    "a conversion without money": ("se", "linear", {"cents": None}, {"s": (0.5, 0), "e": (0.5, 0)}),
    "an account's sessions are its persons' ones": ("se", "linear", {"unit": "account"}, {"s": (0.5, 450), "e": (0.5, 450)}),
    "conversions outside the range do not count": ("s", "linear", {"date_from": "2024-01-02"}, {}),
    "touches before the range do": ("se", "linear", {"date_from": "2024-01-02"}, {"s": (0.5, 450), "e": (0.5, 450)}),
    "where restricts conversions": ("s", "linear", {"where": {"cents": {"gt": 900}}}, {}),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_attribution(why):
    letters, model, question, expected = CASES[why]
    assert credits(letters, model, **question) == expected


def test_every_conversion_counts_unless_only_the_first_is_asked():
    connection = published({"u": "se"}, [("u", 0, 100), ("u", 1, 200)])
    question = {"kind": "attribution", "event": {"event_name": "buy"}, "value": "cents", "models": ["last_touch"]}
    assert ask(connection, question).rows == [
        ["last_touch", "Email", 1.0, 200],
        ["last_touch", "Paid Search", 1.0, 100],
    ]
    first = question | {"occurrence": "first_ever"}
    assert ask(connection, first).rows == [["last_touch", "Paid Search", 1.0, 100]]
    assert ask(connection, first | {"date_from": "2024-01-02"}).rows == []


def test_models_come_in_the_order_asked_and_channels_by_credit():
    question = {"kind": "attribution", "event": {"event_name": "buy"}, "models": ["linear", "first_touch"]}
    rows = ask(published({"u": "see"}, [("u", 2, None)]), question).rows
    assert [tuple(row[:2]) for row in rows] == [
        ("linear", "Email"),
        ("linear", "Paid Search"),
        ("first_touch", "Paid Search"),
    ]


def test_events_of_two_days_that_share_an_id_are_two_conversions():
    connection = published({"u": "se"}, [])
    rows = [event("buy", NOON + timedelta(days=day), "u", event_id="same") for day in (0, 1)]
    question = {"kind": "attribution", "event": {"event_name": "buy"}, "models": ["last_touch"]}
    assert [row[1:] for row in ask(database(rows, connection), question).rows] == [["Email", 1.0], ["Paid Search", 1.0]]


def test_sessions_of_others_do_not_count():
    question = {"kind": "attribution", "event": {"event_name": "buy"}, "models": ["linear"]}
    assert ask(published({"u": "s", "v": "e"}, [("u", 0, None)]), question).rows == [["linear", "Paid Search", 1.0]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"models": ["lineal"]}, "did you mean `linear`? Legal values: first_touch, last_touch,"),
        ({"models": []}, "`models` is []"),
        ({"models": ["linear", "linear"]}, "`models` names a model twice"),
        ({"breakdown": "plan"}, "Legal values: channel, source, medium, campaign,"),
        ({"unit": "session"}, "`unit` must be person or account"),
        ({"lookback_days": 0}, "`lookback_days` is 0: input should be greater than 0"),
        ({"half_life": 7}, "Unknown key `half_life`; did you mean `half_life_days`?"),
        ({"value": "cents"}, "`value` is 'cents', and a conversion has 9.5 there: money is credited in whole minor units"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_refused(wrong, message):
    with pytest.raises(AskError) as error:
        ask(published({"u": "s"}, [("u", 0, 9.5)]), {"kind": "attribution", "event": {"event_name": "buy"}} | wrong)
    assert message in str(error.value)


def test_without_published_sessions_attribution_is_an_error():
    with pytest.raises(AskError, match="`fct_sessions` is not published here"):
        ask(database([event("buy", NOON, "u")]), {"kind": "attribution", "event": {}})


# ---- the engine, against fractions

CONNECTION = duckdb.connect()


def shares_of(model, ages, are_direct, half_life):
    """The exact share of each touch, oldest first; ages in microseconds before the last."""
    number = len(ages)
    if model == "last_non_direct":
        place = max((place for place in range(number) if not are_direct[place]), default=number - 1)
        return [Fraction(int(n == place)) for n in range(number)]
    if model in ("first_touch", "last_touch"):
        return [Fraction(int(n == (0 if model == "first_touch" else number - 1))) for n in range(number)]
    if model == "linear":
        return [Fraction(1, number)] * number
    if model == "position_based":
        between = Fraction(1, 5) / max(number - 2, 1)
        ends = Fraction(2, 5) if number > 2 else Fraction(1, number)
        return [ends if n in (0, number - 1) else between for n in range(number)]
    weights = [Fraction(2.0 ** (-age / half_life)) for age in ages]
    return [weight / sum(weights) for weight in weights]


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from("uv"), st.integers(0, 40), st.booleans()), max_size=14),
    st.lists(st.tuples(st.sampled_from("uv"), st.integers(0, 45), st.integers(-999, 999_999)), min_size=1, max_size=5),
    st.sampled_from([None, 5, 20]),
    st.randoms(use_true_random=False),
)
def test_credits_agree_with_fractions_and_sum_exactly(touches, conversions, lookback, shuffler):
    touches = [(unit, f"t{n:02}", day * DAY_US, is_direct) for n, (unit, day, is_direct) in enumerate(touches)]
    conversions = [(unit, f"c{n}", day * DAY_US, cents) for n, (unit, day, cents) in enumerate(conversions)]
    CONNECTION.execute(
        "create or replace table touches (unit varchar, touch_id varchar, at_us bigint, is_direct boolean)"
    )
    CONNECTION.execute(
        "create or replace table conversions (unit varchar, conversion_id varchar, at_us bigint, amount_cents bigint)"
    )
    for name, rows in (("touches", touches), ("conversions", conversions)):
        for row in shuffler.sample(rows, len(rows)):
            CONNECTION.execute(f"insert into {name} values (?, ?, ?, ?)", row)
    query = engine(
        "attribution", touches="touches", conversions="conversions", models=MODELS, half_life_us=7 * DAY_US,
        lookback_us=None if lookback is None else lookback * DAY_US,
    )  # fmt: skip
    found = {tuple(row[:3]): row[3:] for row in CONNECTION.execute(query).fetchall()}
    for unit, conversion, at, cents in conversions:
        window = sorted(
            (moment, touch, is_direct) for owner, touch, moment, is_direct in touches
            if owner == unit and moment <= at and (lookback is None or moment >= at - lookback * DAY_US)
        )  # fmt: skip
        for model in MODELS:
            rows = {key[2]: value for key, value in found.items() if key[:2] == (model, conversion)}
            assert sum(credit for credit, _ in rows.values()) == 1
            assert sum(amount for _, amount in rows.values()) == cents
            if not window:
                assert rows == {None: (Decimal(1), cents)}
                continue
            ages = [window[-1][0] - moment for moment, *_ in window]
            shares = shares_of(model, ages, [is_direct for *_, is_direct in window], 7 * DAY_US)
            for (_, touch, _), share in zip(window, shares, strict=True):
                credit, amount = rows.get(touch, (0, 0))
                assert abs(Fraction(credit) - share) < Fraction(1, 10**10)
                assert abs(amount - share * cents) < 1 + Fraction(1, 10**6)


def test_the_last_digit_of_a_credit_goes_to_the_largest_remainder():
    CONNECTION.execute(
        "create or replace table touches as select 'u' as unit, n as touch_id, n as at_us, false as is_direct from range(5) as r(n)"
    )
    CONNECTION.execute(
        "create or replace table conversions as select 'u' as unit, 'c' as conversion_id, 9 as at_us, 0::bigint as amount_cents"
    )
    query = engine("attribution", touches="touches", conversions="conversions", models=["position_based"])
    found = [
        str(credit) for (credit,) in CONNECTION.execute(f"select credit from ({query}) order by touch_id").fetchall()
    ]
    assert found == ["0.400000000000", "0.066666666666", "0.066666666667", "0.066666666667", "0.400000000000"]


def test_a_unit_with_many_touches_and_conversions():
    connection = duckdb.connect()
    connection.execute(f"""
        create table touches as select 'u' as unit, 't' || n as touch_id, n * {DAY_US // 24} as at_us, n % 3 = 0 as is_direct from range(100_000) as r(n);
        create table conversions as select 'u' as unit, 'c' || n as conversion_id, n * {DAY_US // 24} as at_us, 100::bigint as amount_cents from range(100_000) as r(n)
    """)
    query = engine("attribution", touches="touches", conversions="conversions", models=["linear"], lookback_us=DAY_US)
    assert connection.execute(
        f"select count(distinct conversion_id), sum(credit), sum(amount_cents) from ({query})"
    ).fetchone() == (100_000, 100_000, 10_000_000)


# ---- spend


def spend_rows(credits, spend, by=("channel",), models=("linear",)):
    connection = duckdb.connect()
    listed = ", ".join(f"{name} varchar" for name in by)
    connection.execute(
        f"create table credits ({listed}, period_start date, model varchar, credit decimal(13, 12), amount_cents bigint)"
    )
    connection.execute(f"create table spend ({listed}, period_start date, spend_cents bigint)")
    for name, rows in (("credits", credits), ("spend", spend)):
        for row in rows:
            connection.execute(f"insert into {name} values ({', '.join('?' * len(row))})", row)
    query = engine("return_on_spend", credits="credits", spend="spend", models=list(models), by=list(by))
    return connection.execute(f"select * from ({query}) order by all").fetchall()


JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)
SPEND = {
    "money back for money spent": ([("Email", JANUARY, "linear", 0.5, 300)], [("Email", JANUARY, 100)], [("Email", JANUARY, "linear", Decimal("0.5"), 300, 100, 3.0, 200.0)]),
    "spend without a conversion returns 0, at no cost per conversion": ([], [("Email", JANUARY, 100)], [("Email", JANUARY, "linear", 0, 0, 100, 0.0, None)]),
    "a conversion without spend has no return": ([("Email", JANUARY, "linear", 1, 300)], [], [("Email", JANUARY, "linear", 1, 300, 0, None, 0.0)]),
    "lines of spend and credits add up": ([("Email", JANUARY, "linear", 0.5, 300)] * 2, [("Email", JANUARY, 100)] * 2, [("Email", JANUARY, "linear", 1, 600, 200, 3.0, 200.0)]),
    "periods are apart": ([("Email", JANUARY, "linear", 1, 300)], [("Email", FEBRUARY, 100)], [("Email", JANUARY, "linear", 1, 300, 0, None, 0.0), ("Email", FEBRUARY, "linear", 0, 0, 100, 0.0, None)]),
    "a conversion without money or spend is 0": ([("Email", JANUARY, "linear", 1, None)], [], [("Email", JANUARY, "linear", 1, 0, 0, None, 0.0)]),
    "a conversion without money still costs": ([("Email", JANUARY, "linear", 1, None)], [("Email", JANUARY, 100)], [("Email", JANUARY, "linear", 1, 0, 100, 0.0, 100.0)]),
}  # fmt: skip


@pytest.mark.parametrize("why", SPEND)
def test_return_on_spend(why):
    credited, spent, expected = SPEND[why]
    assert spend_rows(credited, spent) == expected


def test_spend_counts_in_every_model():
    rows = spend_rows(
        [("Email", JANUARY, "linear", 1, 300)], [("Email", JANUARY, 100)], models=("linear", "first_touch")
    )
    assert [(row[2], row[5], row[6]) for row in rows] == [("first_touch", 100, 0.0), ("linear", 100, 3.0)]


def test_spend_without_a_campaign_meets_credits_without_one():
    credited = [("Email", None, JANUARY, "linear", 1, 300), ("Email", "may", JANUARY, "linear", 1, 300)]
    rows = spend_rows(credited, [("Email", None, JANUARY, 100)], by=("channel", "campaign"))
    assert [(row[1], row[6]) for row in rows] == [("may", 0), (None, 100)]


# ---- landing pages

PAGES = {
    "https://x.de/?gclid=Abc-1": ("gclid", "Abc-1", "google", "cpc"),
    "https://x.de/?a=1&gbraid=z": ("gbraid", "z", "google", "cpc"),
    "https://x.de/?wbraid=z#top": ("wbraid", "z", "google", "cpc"),
    "https://x.de/?dclid=z": ("dclid", "z", "dfa", "cpm"),
    "https://x.de/?msclkid=z": ("msclkid", "z", "bing", "cpc"),
    "https://x.de/?fbclid=z": ("fbclid", "z", "facebook", "social"),
    "https://x.de/?ttclid=z": ("ttclid", "z", "tiktok", "cpc"),
    "https://x.de/?li_fat_id=z": ("li_fat_id", "z", "linkedin", "cpc"),
    "https://x.de/?twclid=z": ("twclid", "z", "twitter", "cpc"),
    "https://x.de/?fbclid=f&gclid=g": ("gclid", "g", "google", "cpc"),
    "https://x.de/?GCLID=g": ("gclid", "g", "google", "cpc"),
    "https://x.de/?gclid=a%2Fb+c": ("gclid", "a/b c", "google", "cpc"),
    "/?ScCid=s": ("sccid", "s", "snapchat", "cpc"),
    "https://x.de/?xgclid=1": None,
    "https://x.de/?gclid=": None,
    "https://x.de/gclid=1": None,
    "https://x.de/#?gclid": None,
    "": None,
    None: None,
}


@pytest.mark.parametrize("url", PAGES)
def test_the_click_id_of_a_landing_page(url):
    found = FUNCTIONS.execute("select click_id($url::varchar)", {"url": url}).fetchone()[0]
    assert (tuple(found.values()) if found else None) == PAGES[url]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.de/?utm_source=News%20Letter&utm_medium=email", "News Letter"), ("/?UTM_Source=a", "a"), ("/?utm_source=", None),
        ("/?my_utm_source=a", None), ("/?b=1&utm_source=%20", None), ("/utm_source=a", None), (None, None),
    ],
)  # fmt: skip
def test_a_parameter_of_a_landing_page(url, expected):
    found = FUNCTIONS.execute("select url_parameter($url::varchar, 'utm_source')", {"url": url}).fetchone()
    assert found == (expected,)


def test_the_order_of_rows_does_not_matter():
    rows = [("u", random.Random(n).randrange(20), 7 * n) for n in range(40)]
    question = {"kind": "attribution", "event": {"event_name": "buy"}, "value": "cents"}
    answers = [
        ask(published({"u": "seodseod sed sed eod"}, random.Random(seed).sample(rows, 40)), question).rows
        for seed in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]


# ---- channels: Google's published rules, of which the first that holds decides

CHANNELS_OF = {
    ("(direct)", "(none)", None): "Direct",
    ("(direct)", "(not set)", None): "Direct",
    ("google", "cpc", "summer cross-network"): "Cross-network",
    ("amazon", "cpc", None): "Paid Shopping",
    ("google", "cpc", "shopping ads"): "Paid Shopping",
    ("google", "cpc", "eshop"): "Paid Shopping",
    ("google", "cpc", "workshop"): "Paid Search",
    ("google", "cpc", None): "Paid Search",
    ("bing", "ppc", None): "Paid Search",
    ("facebook", "paid_social", None): "Paid Social",
    ("tiktok", "cpc", None): "Paid Social",
    ("youtube", "cpv", None): "Paid Video",
    ("youtube", "cpm", None): "Paid Video",
    ("newspaper", "banner", None): "Display",
    ("newspaper", "cpm", None): "Display",
    ("newspaper", "retargeting", None): "Paid Other",
    ("newspaper", "cpc", None): "Paid Other",
    ("amazon", "referral", None): "Organic Shopping",
    ("newsletter", "email", "shopping days"): "Organic Shopping",
    ("facebook", "referral", None): "Organic Social",
    ("blog", "social-media", None): "Organic Social",
    ("youtube.com", "referral", None): "Organic Video",
    ("blog", "video", None): "Organic Video",
    ("google", "organic", None): "Organic Search",
    ("unknown", "organic", None): "Organic Search",
    ("blog.example", "referral", None): "Referral",
    ("blog", "app", None): "Referral",
    ("newsletter", "email", None): "Email",
    ("e-mail", "(not set)", None): "Email",
    ("partner", "affiliate", None): "Affiliates",
    ("podcast", "audio", None): "Audio",
    ("sms", "(not set)", None): "SMS",
    ("own", "sms", None): "SMS",
    ("own", "web-push", None): "Mobile Push Notifications",
    ("firebase", "(not set)", None): "Mobile Push Notifications",
    ("own", "something", None): "Unassigned",
    ("own", "(not set)", None): "Unassigned",
}


def channel_of(source, medium, campaign=None):
    sources = f"read_csv('{ROOT / 'seeds/traffic_sources.csv'}', header = true)"
    asked = "select $source::varchar as source, $medium::varchar as medium, $campaign::varchar as campaign"
    rule = "channel_group(source, medium, campaign, category)"
    query = f"select {rule} from ({asked}) as asked left join {sources} as sources using (source)"
    return FUNCTIONS.execute(query, {"source": source, "medium": medium, "campaign": campaign}).fetchone()[0]


@pytest.mark.parametrize("visit", CHANNELS_OF)
def test_channel(visit):
    assert channel_of(*visit) == CHANNELS_OF[visit]


@pytest.mark.parametrize(
    ("parameter", "channel"),
    [
        ("gclid", "Paid Search"), ("gbraid", "Paid Search"), ("wbraid", "Paid Search"), ("dclid", "Display"), ("msclkid", "Paid Search"),
        ("ttclid", "Paid Social"), ("li_fat_id", "Paid Social"), ("twclid", "Paid Social"), ("rdt_cid", "Paid Social"),
        ("sccid", "Paid Social"), ("epik", "Paid Social"), ("qclid", "Paid Social"), ("yclid", "Paid Search"),
        ("fbclid", "Organic Social"), ("igshid", "Organic Social"),
    ],
)  # fmt: skip
def test_the_channel_of_a_click_id(parameter, channel):
    found = FUNCTIONS.execute("select click_id($url)", {"url": f"https://x.de/?{parameter}=1"}).fetchone()[0]
    assert channel_of(found["source"], found["medium"]) == channel


@pytest.mark.parametrize(
    ("question", "is_legal"),
    [
        ({"event": {"event_name": "buy"}, "models": ["linear"], "breakdown": "campaign"}, True),
        ({"event": {"event_name": "buy"}, "models": ["u-shaped"]}, False),
        ({}, False),
    ],
)
def test_the_schema_tells_legal_questions_from_wrong_ones(question, is_legal):
    validator = jsonschema.Draft202012Validator(question_schema())
    assert validator.is_valid({"kind": "attribution"} | question) == is_legal


def test_the_question_of_an_answer_can_be_asked_again():
    connection = published({"u": "seo"}, [("u", 2, 10)])
    answer = ask(connection, {"kind": "attribution", "event": {"event_name": "buy"}, "value": "cents"})
    assert ask(connection, answer.question) == answer
