"""Numbers and money that cannot be right: a value, or a stated fault, and never a silent one."""

import duckdb
import pytest

from serving.ask import ask
from tests.end_to_end.faults.files import ndjson

NO_NUMBERS = ["7,4", "1,000", "12.5 kWh", "NaN", "inf", "0x10", "1_000", "$5", True, [1]]
AMOUNTS = {"1e3": 1000, " 1000 ": 1000, "1000.0": 1000, "+1000": 1000, "1000": 1000, 1000.0: 1000}


def sent(app: str, event_id: str, name: str, at: str, user: str | None, **properties: object) -> dict[str, object]:
    return {
        "app": app,
        "event_id": event_id,
        "event_name": name,
        "occurred_at": at,
        "user_id": user,
        "properties": properties,
    }


NUMBERS = [
    *(
        sent("money_numbers", f"pay{i}", "payment_completed", f"2015-03-02T10:{i:02}:00Z", f"u{i}", amount_cents=value)
        for i, value in enumerate([*NO_NUMBERS, *AMOUNTS, "10.5", 10.5])
    ),
    *(
        sent("money_charging", f"stop{i}", "charge_stopped", f"2015-03-02T10:{i:02}:00Z", f"u{i}", energy_kwh=value)
        for i, value in enumerate([*NO_NUMBERS, "7.4", 7.4, "74e-1", -1, "", None])
    ),
    *(
        sent("money_charging", f"credit{i}", "wallet_credited", f"2015-03-02T11:{i:02}Z", f"c{i}", amount_cents=value)
        for i, value in enumerate(["1,000", 10.5, 100])
    ),
    *(
        sent("money_survey", f"nps{i}", "nps_answered", f"2015-03-02T10:{i:02}:00Z", f"u{i}", score=value)
        for i, value in enumerate(["9,5", " 9 ", "ten", None])
    ),
    sent(
        "money_content",
        "pub",
        "content_published",
        "2015-03-01T10:00:00Z",
        "w",
        content_id="i",
        creator_id="w",
        parts="3 parts",
    ),
    sent(
        "money_content",
        "read",
        "part_started",
        "2015-03-02T10:00:00Z",
        "r",
        content_id="i",
        part=1,
        read_seconds="40 s",
    ),
    sent("money_content", "rate", "content_rated", "2015-03-02T11:00:00Z", "r", content_id="i", rating="4,5"),
    sent("money_content", "part", "part_started", "2015-03-02T12:00:00Z", "r", content_id="i", part="1,5"),
    sent("money_quantity", "q", "shipment", "2015-03-02T12:00:00Z", "r", quantity="2 pieces"),
]
MARCH, END = "2015-03-02T10:00:00Z", "2015-06-15T00:00:00Z"


def changed(app: str, event_id: str, name: str, at: str, user: str | None, **properties: object) -> dict[str, object]:
    return sent(app, event_id, f"subscription_{name}", at, user, **properties)


def paid(app: str, event_id: str, at: str, user: str | None, **properties: object) -> dict[str, object]:
    return sent(app, event_id, "payment_completed", at, user, **properties)


EUR = {"amount_cents": 1000, "currency": "EUR"}
MONTHLY = {"amount_cents": 1000, "currency": "USD", "billing_interval": "month"}
SEEDS = {
    "plans": [
        "money_plans,eu,month,1000,EUR,",
        "money_plans,pro,month,2000,USD,",
        "money_plans,Max,month,1,USD,",
        "money_plans,max,month,2,USD,",
        "money_currency,eu,month,1000,EUR,",
    ],
    "app_currencies": ["money_yen,JPY"],
    "exchange_rates": ["JPY,USD,2015-03-01,0.008", "CHF,USD,2015-03-01,1.0", "CHF,USD,2015-06-01,2.0"],
}
CURRENCIES = [
    paid("money_currency", "own", MARCH, "a", payment_id="own", **EUR),
    # a refund is in the currency of the payment that it names, by its id or that of its event
    sent("money_currency", "refund", "refund_issued", "2015-03-03T10:00:00Z", "a", payment_id="own", amount_cents=1000),
    paid("money_currency", "lone", MARCH, "b", **EUR),
    sent("money_currency", "back", "refund_issued", "2015-03-03T10:00:00Z", "b", payment_id="lone", amount_cents=500),
    # of the events of a payment one says it
    sent("money_currency", "begun", "payment_initiated", MARCH, "c", payment_id="c", **EUR),
    paid("money_currency", "done", "2015-03-02T10:05:00Z", "c", payment_id="c", amount_cents=1000),
    # a renewal is in the currency of its subscription, which has that of its plan
    changed("money_currency", "sub", "created", MARCH, "d", subscription_id="d", plan_id="eu"),
    paid(
        "money_currency", "renewal", "2015-04-02T10:00:00Z", "d", subscription_id="d", payment_id="r", amount_cents=1000
    ),
    sent("money_currency", "renewed", "refund_issued", "2015-04-03T10:00:00Z", "d", payment_id="r", amount_cents=1000),
    paid("money_currency", "plan", MARCH, "e", plan_id="EU", amount_cents=1000),
    paid("money_currency", "default", MARCH, "f", amount_cents=1000),
    paid("money_yen", "yen", MARCH, "f", amount_cents=1000),
    paid("money_yen", "said", MARCH, "f", amount_cents=1000, currency=" usd "),
    sent("money_yen", "credit", "wallet_credited", MARCH, "f", amount_cents=1000),
]
PLANS = [
    changed("money_plans", "p0", "created", MARCH, "p0", subscription_id="priced", plan_id="eu"),
    changed("money_plans", "p1", "created", MARCH, "p1", subscription_id="amount", plan_id="eu", amount_cents=1000),
    changed("money_plans", "p2", "created", MARCH, "p2", subscription_id="other", plan_id="eu", currency="USD"),
    changed("money_plans", "p3", "created", MARCH, "p3", subscription_id="same", plan_id="eu", currency="eur"),
    changed("money_plans", "p4", "created", MARCH, "p4", subscription_id="cased", plan_id=" Pro"),
    changed("money_plans", "p5", "created", MARCH, "p5", subscription_id="unheard", plan_id="gold"),
    changed("money_plans", "p6", "created", MARCH, "p6", subscription_id="paying", plan_id="gold", **MONTHLY),
    changed("money_plans", "p7", "created", MARCH, "p7", subscription_id="exact", plan_id="Max"),
    changed("money_plans", "p8", "created", MARCH, "p8", subscription_id="neither", plan_id="MAX"),
    # what a change does not say stays as it was
    changed("money_plans", "u1", "created", MARCH, "u", subscription_id="upgraded", **EUR),
    changed(
        "money_plans", "u2", "upgraded", "2015-04-03T10:00:00Z", "u", subscription_id="upgraded", amount_cents=2000
    ),
    sent("money_plans", "end", "page_view", END, "end"),
]
PRICES = {
    "dollar": {**MONTHLY, "currency": "$"},
    "unpriced": {},
    "negative": {**MONTHLY, "amount_cents": -1000},
    "comma": {**MONTHLY, "amount_cents": "1,000"},
    "fraction": {**MONTHLY, "amount_cents": 999.5},
    "fortnight": {**MONTHLY, "billing_interval": "fortnight"},
    "halfway": {**MONTHLY, "billing_interval_count": "1.5"},
    "rate": {**MONTHLY, "currency": "PLN"},
    "huge": {**MONTHLY, "amount_cents": 10**16},
    "free": {**MONTHLY, "amount_cents": 0},
}
INTERVALS = {
    "monthly": 6000,
    "Month": 6000,
    "mo": 6000,
    "months": 6000,
    "1 month": 6000,
    "P1M": 6000,
    "annual": 500,
    "annually": 500,
    "yearly ": 500,
    "12 months": 500,
    "every 3 months": 2000,
    "3 months": 2000,
    "quarterly": 2000,
    "6 months": 1000,
    "2 years": 250,
    "weekly": 26000,
    "2 weeks": 13000,
    "daily": 182500,
    "10 days": 18250,
}
SUBSCRIPTIONS = [
    *(
        changed("money_prices", name, "created", MARCH, name, subscription_id=name, **price)
        for name, price in PRICES.items()
    ),
    # another price that cannot be used leaves the one before, and says so until there is one that can
    changed("money_prices", "k1", "created", MARCH, "kept", subscription_id="kept", **MONTHLY),
    changed(
        "money_prices", "k2", "upgraded", "2015-04-02T10:00:00Z", "kept", subscription_id="kept", amount_cents="2,000"
    ),
    changed(
        "money_prices", "k3", "upgraded", "2015-05-02T10:00:00Z", "kept", subscription_id="kept", amount_cents=3000
    ),
    changed("money_prices", "late1", "created", MARCH, "late", subscription_id="late", **MONTHLY),
    changed(
        "money_prices",
        "late2",
        "cancelled",
        "2015-04-02T10:00:00Z",
        "late",
        subscription_id="late",
        effective_at="soon",
    ),
    sent("money_prices", "end", "page_view", END, "end"),
    *(
        changed(
            "money_intervals",
            f"i{i}",
            "created",
            MARCH,
            f"i{i}",
            subscription_id=text,
            amount_cents=6000,
            billing_interval=text,
        )
        for i, text in enumerate(INTERVALS)
    ),
    changed(
        "money_intervals",
        "count",
        "created",
        MARCH,
        "ic",
        subscription_id="count",
        amount_cents=6000,
        billing_interval="month",
        billing_interval_count=3,
    ),
    sent("money_intervals", "end", "page_view", END, "end"),
]
APRIL, MAY = "2015-04-10T10:00:00Z", "2015-05-10T10:00:00Z"
CANCELLED = [
    changed("money_cancel", "a1", "created", MARCH, "a", subscription_id="A", **MONTHLY),
    changed("money_cancel", "a2", "cancelled", APRIL, "a"),
    changed("money_cancel", "b1", "created", MARCH, "b", subscription_id="B", **MONTHLY),
    changed("money_cancel", "b2", "cancelled", APRIL, "b", subscription_id=" B "),
    # which of two is not said
    changed("money_cancel", "c1", "created", MARCH, "c", subscription_id="C1", **MONTHLY),
    changed("money_cancel", "c2", "created", MARCH, "c", subscription_id="C2", **MONTHLY),
    changed("money_cancel", "c3", "cancelled", APRIL, "c", subscription_id=""),
    # the first was cancelled without an id too, so the second is the only one
    changed("money_cancel", "d1", "created", MARCH, "d", subscription_id="D1", **MONTHLY),
    changed("money_cancel", "d2", "cancelled", "2015-03-20T10:00:00Z", "d"),
    changed("money_cancel", "d3", "created", APRIL, "d", subscription_id="D2", **MONTHLY),
    changed("money_cancel", "d4", "cancelled", MAY, "d"),
    changed("money_cancel", "e1", "cancelled", APRIL, "e"),
    # an upgrade without an id is no subscription of its own
    changed("money_cancel", "f1", "created", MARCH, "f", subscription_id="F", **MONTHLY),
    changed("money_cancel", "f2", "upgraded", APRIL, "f", amount_cents=3000),
    # who never names one has one
    changed("money_cancel", "g1", "created", MARCH, "g", **MONTHLY),
    changed("money_cancel", "g2", "cancelled", APRIL, "g"),
    changed("money_cancel", "g3", "reactivated", MAY, "g"),
    # as of the end of the month, and once more meanwhile
    changed("money_cancel", "h1", "created", MARCH, "h", subscription_id="H", **MONTHLY),
    changed("money_cancel", "h2", "cancelled", APRIL, "h", effective_at="2015-04-30T00:00:00Z"),
    # cancelled and created anew at one moment, in the order of their ids and against it
    changed("money_anew", "a1", "created", MARCH, "a", subscription_id="A", **MONTHLY),
    changed("money_anew", "a2", "cancelled", APRIL, "a", subscription_id="A"),
    changed("money_anew", "a3", "created", APRIL, "a", subscription_id="A", **MONTHLY),
    changed("money_anew", "b1", "created", MARCH, "b", subscription_id="B", **MONTHLY),
    changed("money_anew", "b3", "cancelled", APRIL, "b", subscription_id="B"),
    changed("money_anew", "b2", "created", APRIL, "b", subscription_id="B", **MONTHLY),
    # told twice, and true since before it was told
    changed("money_anew", "c1", "created", MAY, "c", subscription_id="C", effective_at="2015-01-10", **MONTHLY),
    changed("money_anew", "c2", "created", MAY, "c", subscription_id="C", effective_at="2015-01-10", **MONTHLY),
    sent("money_cancel", "end", "page_view", END, "end"),
    sent("money_anew", "end", "page_view", END, "end"),
]
PAYMENTS = [
    paid("money_ids", "a1", MARCH, "a", payment_id="A", amount_cents=1000),
    paid("money_ids", "a2", "2015-04-03T10:00:00Z", "a", payment_id="A", amount_cents=2000),
    # sent again: as it was, without its amount, and by a server that knows no user
    paid("money_ids", "b1", MARCH, "b", payment_id="B", amount_cents=1000),
    paid("money_ids", "b2", "2015-03-02T10:05:00Z", "b", payment_id="B", amount_cents=1000, currency="usd"),
    paid("money_ids", "b3", "2015-03-02T10:06:00Z", "b", payment_id="B"),
    paid("money_ids", "b4", "2015-03-02T10:07:00Z", None, payment_id="B", amount_cents=1000),
    paid("money_ids", "c1", MARCH, "c", payment_id="C", amount_cents=1000, currency="USD"),
    paid("money_ids", "c2", "2015-03-02T10:05:00Z", "c", payment_id="C", **EUR),
    paid("money_ids", "d1", MARCH, "d", payment_id="D", amount_cents=1000),
    paid("money_ids", "d2", "2015-03-02T10:05:00Z", "d2", payment_id="D", amount_cents=1000),
    # what can be used is the payment, though it came later
    paid("money_ids", "e1", MARCH, "e", payment_id="E", amount_cents="1,000"),
    paid("money_ids", "e2", "2015-03-02T10:05:00Z", "e", payment_id="E", amount_cents=1000),
    sent("money_ids", "a3", "refund_issued", "2015-04-04T10:00:00Z", "a", payment_id="A", amount_cents=1000),
    # an order of two payments is one
    paid("money_orders", "o1", MARCH, "o", payment_id="1", order_id="O", amount_cents=1000),
    paid("money_orders", "o2", "2015-03-02T10:05:00Z", "o", payment_id="2", order_id="O", amount_cents=500),
    # a rate that is too old is none
    paid("money_rates", "r1", "2015-04-01T10:00:00Z", "r", amount_cents=100, currency="CHF"),
    paid("money_rates", "r2", "2015-04-02T10:00:00Z", "r", amount_cents=100, currency="CHF"),
    paid("money_rates", "r3", "2015-06-01T10:00:00Z", "r", amount_cents=100, currency="CHF"),
    paid("money_rates", "r4", "2015-02-28T10:00:00Z", "r", amount_cents=100, currency="CHF"),
]
VISIT = {"context": {"page_url": "https://s.example/", "utm_source": "google", "utm_medium": "cpc"}}
ORDER = {"event_name": "order_completed"}
ANALYSES = [
    sent("money_analyses", "visit", "page_view", "2013-05-06T10:00:00Z", "v") | VISIT,
    *(
        sent(
            "money_analyses",
            f"paid{n}",
            "order_completed",
            f"2013-05-06T10:0{n}:00Z",
            "v",
            payment_id="P",
            quantity=1,
            **EUR,
        )
        for n in (1, 2)
    ),
    sent("money_analyses", "usd", "order_completed", "2013-05-06T10:05:00Z", "v", amount_cents=500),
    # money that goes back, told as an order of less than nothing
    sent("money_analyses", "less", "order_completed", "2013-05-06T10:06:00Z", "v", amount_cents=-300),
]
FILES = [
    ndjson("analyses.ndjson", *ANALYSES),
    ndjson("numbers.ndjson", *NUMBERS),
    ndjson("money.ndjson", *CURRENCIES, *PLANS, *SUBSCRIPTIONS, *CANCELLED),
    ndjson("payments.ndjson", *reversed(PAYMENTS)),
]


def rows(built: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return built.execute(query).fetchall()


def test_an_amount_that_is_no_whole_number_is_a_stated_fault(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select amount_cents, revenue_cents, fault from fct_payments where app = 'money_numbers' order by occurred_at",
    )
    fractions = [(None, 0, "fractional_amount")] * 2
    unread = [(None, 0, "unreadable_amount")] * len(NO_NUMBERS)
    assert found == [*unread, *((cents, cents, None) for cents in AMOUNTS.values()), *fractions]


def test_energy_that_is_no_number_is_a_stated_fault_of_the_session(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select energy_kwh::double, energy_fault from fct_charging_sessions"
        " where app = 'money_charging' and stops > 0 order by stopped_at",
    )
    read = [(7.4, None)] * 3
    assert found == [(None, "unreadable_energy")] * len(NO_NUMBERS) + read + [
        (None, "negative_energy"),
        (None, None),
        (None, None),
    ]
    counted = rows(
        built,
        "select distinct energy_kwh, faulty_energy_sessions from fct_charging_funnel"
        " where segment_value = 'money_charging' and period = 'month'",
    )
    assert counted == [(pytest.approx(22.2), len(NO_NUMBERS) + 1)]


def test_a_reward_that_is_no_whole_number_is_counted_as_faulty(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select sum(credits)::int, sum(faulty_credits)::int, sum(reward_cents)::int from fct_charging_rewards"
        " where app = 'money_charging'",
    )
    assert found == [(3, 2, 100)]


def test_a_score_that_is_no_number_says_so(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(built, "select score, outcome from fct_survey_answers where app = 'money_survey' order by answered_at")
    assert found == [(None, "score_unreadable"), (9, "counted"), (None, "score_unreadable"), (None, "score_missing")]


def test_numbers_of_content_that_are_none_are_stated_faults(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built, "select event_name, fault, events from fct_content_faults where app = 'money_content' order by all"
    )
    assert found == [
        ("content_published", "unreadable_parts", 1),
        ("content_rated", "rating_out_of_range", 1),
        ("part_started", "no_part", 1),
        ("part_started", "unreadable_read_time", 1),
    ]


def test_what_no_mart_needs_is_stated_beside_the_event(built: duckdb.DuckDBPyConnection) -> None:
    assert rows(built, "select quantity, unreadable_properties from events where app = 'money_quantity'") == [
        (None, {"quantity": "2 pieces"})
    ]


def test_the_currency_of_a_movement_is_that_of_what_it_belongs_to(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select event_id, currency, revenue_cents, fault from fct_payments"
        " where app in ('money_currency', 'money_yen') order by app, event_id",
    )
    assert found == [
        ("back", "EUR", -555, None),
        ("default", "USD", 1000, None),
        ("done", "EUR", 1110, None),
        ("lone", "EUR", 1110, None),
        ("own", "EUR", 1110, None),
        ("plan", "EUR", 1110, None),
        ("refund", "EUR", -1110, None),
        ("renewal", "EUR", 1110, None),
        ("renewed", "EUR", -1110, None),
        ("said", "USD", 1000, None),
        ("yen", "JPY", 800, None),
    ]
    reward = rows(built, "select reward_cents from fct_charging_sessions where app = 'money_yen'")
    assert reward == [(800,)]


def test_a_plan_says_what_an_event_does_not(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select subscription_id, closing_mrr_cents, fault from fct_subscription_months"
        " where app = 'money_plans' and period_start = '2015-06-01' order by subscription_id",
    )
    assert found == [
        ("amount", 1110, None),
        ("cased", 2000, None),
        ("exact", 1, None),
        ("neither", 0, "unknown_plan"),
        ("other", 0, "plan_in_other_currency"),
        ("paying", 1000, None),
        ("priced", 1110, None),
        ("same", 1110, None),
        ("unheard", 0, "unknown_plan"),
        ("upgraded", 2219, None),
    ]


def test_a_price_that_cannot_be_used_is_stated_wherever_it_would_count(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select subscription_id, status, closing_mrr_cents, fault from fct_subscription_months"
        " where app = 'money_prices' and period_start = '2015-03-01' order by subscription_id",
    )
    assert found == [
        ("comma", "active", 0, "unreadable_amount"),
        ("dollar", "active", 0, "unknown_currency"),
        ("fortnight", "active", 0, "unknown_billing_interval"),
        ("fraction", "active", 0, "fractional_amount"),
        ("free", "active", 0, None),
        ("halfway", "active", 0, "unknown_billing_interval"),
        ("huge", "active", 0, "amount_out_of_range"),
        ("kept", "active", 1000, None),
        ("late", "active", 1000, None),
        ("negative", "active", 0, "negative_amount"),
        ("rate", "active", 0, "missing_rate"),
        ("unpriced", "active", 0, "missing_amount"),
    ]
    kept = rows(
        built,
        "select closing_mrr_cents, fault from fct_subscription_months"
        " where app = 'money_prices' and subscription_id = 'kept' and period_start <= '2015-06-01'"
        " order by period_start",
    )
    assert kept == [(1000, None), (1000, "unreadable_amount"), (3000, None), (3000, None)]
    faults = dict(rows(built, "select event_id, fault from fct_subscription_faults where app = 'money_prices'"))
    assert faults == {
        "comma": "unreadable_amount",
        "dollar": "unknown_currency",
        "fortnight": "unknown_billing_interval",
        "fraction": "fractional_amount",
        "halfway": "unknown_billing_interval",
        "huge": "amount_out_of_range",
        "k2": "unreadable_amount",
        "late2": "unreadable_effective_at",
        "negative": "negative_amount",
        "rate": "missing_rate",
        "unpriced": "missing_amount",
    }
    counted = rows(
        built,
        "select period_start::varchar, faulty_subscriptions from fct_mrr_movements"
        " where segment_value = 'money_prices' order by 1 limit 2",
    )
    assert counted == [("2015-03-01", 9), ("2015-04-01", 11)]


def test_what_a_price_is_paid_for_is_read_in_its_usual_words(built: duckdb.DuckDBPyConnection) -> None:
    found = dict(
        rows(
            built,
            "select subscription_id, closing_mrr_cents from fct_subscription_months"
            " where app = 'money_intervals' and period_start = '2015-06-01'",
        )
    )
    assert found == {text.strip(): cents for text, cents in INTERVALS.items()} | {"count": 2000}
    assert not rows(built, "from fct_subscription_faults where app = 'money_intervals'")


def test_a_cancellation_without_an_id_ends_the_only_active_subscription(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select subscription_id, list(closing_mrr_cents order by period_start) from fct_subscription_months"
        " where app = 'money_cancel' and period_start <= '2015-06-01' group by all order by subscription_id",
    )
    assert found == [
        ("A", [1000, 0]),
        ("B", [1000, 0]),
        ("C1", [1000] * 4),
        ("C2", [1000] * 4),
        ("D1", [0]),
        ("D2", [1000, 0]),
        ("F", [1000, 3000, 3000, 3000]),
        ("H", [1000, 0]),
        ("of g", [1000, 0, 1000, 1000]),
    ]
    faults = rows(
        built,
        "select event_id, person_id, fault from fct_subscription_faults where app = 'money_cancel' order by event_id",
    )
    assert faults == [("c3", "c", "several_subscriptions"), ("e1", "e", "no_active_subscription")]


def test_what_is_cancelled_and_created_anew_at_one_moment_goes_on(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select subscription_id, list(closing_mrr_cents order by period_start) from fct_subscription_months"
        " where app = 'money_anew' and period_start <= '2015-06-01' group by all order by subscription_id",
    )
    assert found == [("A", [1000] * 4), ("B", [1000] * 4), ("C", [1000] * 6)]
    # each is new once, when it was
    begun = (
        "select period_start::varchar, new_subscriptions from {} where segment_value = 'money_anew' and {}"
        " and new_subscriptions > 0 order by 1"
    )
    wanted = [("2015-01-01", 1), ("2015-03-01", 2)]
    assert rows(built, begun.format("fct_daily_operations", "period = 'month'")) == wanted
    assert rows(built, begun.format("fct_mrr_movements", "true")) == wanted


def test_one_payment_id_with_other_content_is_a_stated_fault_of_both(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select event_id, payment_id, revenue_cents, fault from fct_payments"
        " where app = 'money_ids' and kind = 'payment' order by event_id",
    )
    assert found == [
        ("a1", "A", 1000, "payment_id_used_again"),
        ("a2", "A", 0, "payment_id_taken"),
        ("b1", "B", 1000, None),
        ("c1", "C", 1000, "payment_id_used_again"),
        ("c2", "C", 0, "payment_id_taken"),
        ("d1", "D", 1000, "payment_id_used_again"),
        ("d2", "D", 0, "payment_id_taken"),
        ("e1", "E", 0, "payment_id_taken"),
        ("e2", "E", 1000, "payment_id_used_again"),
    ]
    refunded = rows(
        built, "select event_id, refunded_cents from fct_payments where app = 'money_ids' and refunded_cents > 0"
    )
    assert refunded == [("a1", 1000)]
    counted = rows(
        built,
        "select sum(faulty_payments)::int from fct_revenue_overview where segment_value = 'money_ids'"
        " and period = 'month'",
    )
    assert counted == [(4,)]


def test_several_payments_of_an_order_are_one_order(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built,
        "select orders, successful_payments, revenue_cents from fct_revenue_overview"
        " where segment_value = 'money_orders' and period = 'month'",
    )
    assert found == [(1, 2, 1500)]


def test_money_without_a_rate_of_its_day_is_no_revenue_and_says_so(built: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        built, "select event_id, revenue_cents, fault from fct_payments where app = 'money_rates' order by event_id"
    )
    assert found == [("r1", 100, None), ("r2", 0, "missing_rate"), ("r3", 200, None), ("r4", 0, "missing_rate")]


def test_analyses_count_a_payment_once_and_in_the_reporting_currency(built: duckdb.DuckDBPyConnection) -> None:
    configured = rows(
        built,
        "select channel, credited_conversions::int, credited_cents from fct_attribution"
        " where conversion = 'order' and model = 'last_touch' and period_start = '2013-05-01'",
    )
    assert configured == [("Paid Search", 3, 1328 + 500 - 300)]
    asked = {"app": "money_analyses", "date_from": "2013-05-06"}
    attribution = {"kind": "attribution", "event": ORDER, "value": "amount_cents", "models": ["last_touch"]}
    assert ask(built, asked | attribution).rows == [["last_touch", "Paid Search", 3.0, 1528]]
    without_value = ask(built, asked | attribution | {"value": None}).rows
    assert without_value == [["last_touch", "Paid Search", 3.0]]
    retention = {"kind": "retention", "start_event": ORDER, "return_event": ORDER, "value": "amount_cents"}
    assert ask(built, asked | retention).rows[0][-1] == 1528
    trends = {
        "kind": "trends",
        "interval": "total",
        "series": {"m": ORDER | {"measure": "sum", "property": "amount_cents"}},
    }
    assert ask(built, asked | trends).rows[0][2] == 1528
    # any other property is summed as it was sent
    trends["series"] = {"m": ORDER | {"measure": "sum", "property": "quantity"}}
    assert ask(built, asked | trends).rows[0][2] == 2
    kept = rows(
        built, "select sum(value) from fct_retention where retention = 'buyers' and cohort_start = '2013-05-06'"
    )
    assert kept == [(1528,)]
