"""The clock of money is each app's own; rows over all apps, of apps that ended too, go by the latest clock."""

import duckdb
import pytest

from tests.end_to_end.faults.files import ndjson


def sent(app: str, at: str, name: str, user: str = "u1", /, **properties: object) -> dict[str, object]:
    return {
        "app": app,
        "event_name": name,
        "occurred_at": at,
        "user_id": f"clock_money_{user}",
        "properties": {"currency": "USD", **properties},
    }


def subscribed(app: str, at: str, user: str, cents: int) -> dict[str, object]:
    return sent(app, at, "subscription_created", user, subscription_id=f"s_{user}", amount_cents=cents)


FILES = [
    ndjson(
        "clocks.ndjson",
        # ends in January 1996, with a subscription that nobody cancels and one that is to end in April
        sent("clkm_ends", "1996-01-10T10:00:00Z", "purchase", amount_cents=1000),
        sent("clkm_ends", "1996-01-12T10:00:00Z", "purchase", "u2", amount_cents=0, order_id="free"),
        subscribed("clkm_ends", "1996-01-10T10:00:00Z", "e1", 700),
        subscribed("clkm_ends", "1996-01-10T11:00:00Z", "e2", 300),
        sent(
            "clkm_ends",
            "1996-01-11T11:00:00Z",
            "subscription_cancelled",
            "e2",
            subscription_id="s_e2",
            effective_at="1996-04-10T00:00:00Z",
        ),
        # one that is to end, and one that is to begin, later in the month in which the app does
        subscribed("clkm_ends", "1996-01-10T12:00:00Z", "e3", 40),
        sent(
            "clkm_ends",
            "1996-01-11T12:00:00Z",
            "subscription_cancelled",
            "e3",
            subscription_id="s_e3",
            effective_at="1996-01-20T00:00:00Z",
        ),
        sent(
            "clkm_ends",
            "1996-01-11T12:00:00Z",
            "subscription_created",
            "e4",
            subscription_id="s_e4",
            amount_cents=5,
            effective_at="1996-01-25T00:00:00Z",
        ),
        sent("clkm_ends", "1996-01-10T10:00:00Z", "purchase", "e1", amount_cents=10),
        # ends at the first moment of a month, which makes the month before whole
        sent("clkm_edge", "1996-01-10T10:00:00Z", "purchase", amount_cents=100),
        subscribed("clkm_edge", "1996-01-10T10:00:00Z", "d1", 100),
        sent("clkm_edge", "1996-03-01T00:00:00Z", "page_view"),
        # begins late, is silent for a month and goes on
        sent("clkm_late", "1996-03-05T10:00:00Z", "purchase", amount_cents=500),
        subscribed("clkm_late", "1996-03-05T10:00:00Z", "l1", 500),
        sent("clkm_late", "1996-05-20T10:00:00Z", "purchase", amount_cents=200),
        sent("clkm_late", "1996-05-20T10:00:00Z", "page_view", "l1"),
    )
]
MONTHS = ["1996-01", "1996-02", "1996-03", "1996-04", "1996-05"]
APPS = ("clkm_ends", "clkm_edge", "clkm_late")
ROWS = [
    *(("clkm_ends", month, False) for month in MONTHS[:1]),
    *(("clkm_edge", month, month < "1996-03") for month in MONTHS[:3]),
    *(("clkm_late", month, month < "1996-05") for month in MONTHS[2:]),
]


def rows_of(built: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return sorted(built.execute(query).fetchall(), key=lambda row: (APPS.index(row[0]), row[1:]))


def test_cohorts_of_an_app_age_until_its_clock(built: duckdb.DuckDBPyConnection) -> None:
    """The month in which it ends is open, however long other apps go on."""
    found = rows_of(
        built,
        """
        select segment_value, strftime(cohort_start + to_months(period::integer), '%Y-%m'), is_complete
        from fct_cohort_revenue where segment = 'app' and segment_value like 'clkm_%'
        """,
    )
    assert found == ROWS
    assert built.execute("select count(*) from metric_ltv_3m where segment_value = 'clkm_ends'").fetchone() == (0,)
    assert built.execute(
        """
        select segment_value, metric_value, is_complete
        from metric_ltv_3m where segment_value like 'clkm_%' order by all
        """
    ).fetchall() == [("clkm_edge", 100.0, False), ("clkm_late", 700.0, False)]


def test_cohorts_of_all_apps_age_until_the_latest_clock(built: duckdb.DuckDBPyConnection) -> None:
    """So the customers of an app that ended are in the value of those that all apps have by then."""
    clock = built.execute("select last_event_at, known_until_at from int_data_clocks where app is null").fetchone()
    assert clock
    found = built.execute(
        """
        select period, customers, cumulative_revenue_cents, is_complete,
            cohort_start + to_months(period::integer + 1) <= ?
        from fct_cohort_revenue where segment = 'all' and cohort_start = date '1996-01-01' order by period
        """,
        [clock[1]],
    ).fetchall()
    assert len(found) == (clock[0].year - 1996) * 12 + clock[0].month
    # in one cohort as in all apps: u1 pays in three of them, e1 in one
    assert [row[:3] for row in found[:5]] == [(0, 2, 1110), (1, 2, 1110), (2, 2, 1610), (3, 2, 1610), (4, 2, 1810)]
    assert all(is_complete == is_over for *_, is_complete, is_over in found)


def test_movements_of_an_app_end_with_its_clock(built: duckdb.DuckDBPyConnection) -> None:
    """Nothing of it is complete after it, and what ends later is not of the app's rows."""
    found = rows_of(
        built,
        """
        select segment_value, strftime(period_start, '%Y-%m'), is_complete
        from fct_mrr_movements where segment = 'app' and segment_value like 'clkm_%'
        """,
    )
    assert found == ROWS
    assert rows_of(
        built,
        """
        select segment_value, arg_max(closing_mrr_cents, period_start), sum(churned_mrr_cents)::bigint
        from fct_mrr_movements where segment = 'app' and segment_value like 'clkm_%' group by all
        """,
    ) == [("clkm_ends", 1040, 0), ("clkm_edge", 100, 0), ("clkm_late", 500, 0)]
    for view in ("metric_mrr", "metric_subscribers", "metric_logo_churn_rate"):
        late = f"select segment_value from {view} where segment_value = 'clkm_ends' and period_start > '1996-01-31'"
        assert built.execute(late).fetchall() == [], view


def test_an_app_that_falls_silent_is_no_churn_in_all(built: duckdb.DuckDBPyConnection) -> None:
    """Its subscriptions go on as they were last known, and end when it was said that they would."""
    months = built.execute(
        """
        select strftime(period_start, '%Y-%m'), new_mrr_cents, churned_mrr_cents, closing_mrr_cents, is_complete
        from fct_mrr_movements where segment = 'all' and period_start between '1996-01-01' and '1996-04-30'
        order by period_start
        """
    ).fetchall()
    before = months[0][3] - months[0][1] + months[0][2]
    assert [(*row[:3], row[3] - before, row[4]) for row in months] == [
        ("1996-01", 1105, 0, 1105, True),
        ("1996-02", 0, 0, 1105, True),
        ("1996-03", 500, 0, 1605, True),
        ("1996-04", 0, 300, 1305, True),
    ]


@pytest.mark.parametrize("table", ["fct_subscription_months", "fct_customer_months"])
def test_months_of_subscriptions_and_customers_end_with_their_apps_clock(
    table: str, built: duckdb.DuckDBPyConnection
) -> None:
    """No reader of an app's rows sees a subscription after its last event, and what is to come has not happened yet."""
    found = rows_of(
        built,
        f"""
        select app, strftime(period_start, '%Y-%m'), bool_and(is_complete)
        from {table} where app like 'clkm_%' group by all
        """,
    )
    assert found == ROWS
    later = """
        select app, period_start from {} as months
        inner join int_data_clocks as clocks using (app) where months.period_start > clocks.last_date
    """
    assert built.execute(later.format(table)).fetchall() == []
    closing = f"select sum(closing_mrr_cents), sum(new_subscriptions) from {table} where app = 'clkm_ends'"
    closing = closing if table == "fct_customer_months" else closing.replace("new_subscriptions", "has_begun::int")
    assert built.execute(closing).fetchone() == (1040, 3)


def test_a_subscription_begins_when_it_was_to_by_the_clock_that_is_asked(built: duckdb.DuckDBPyConnection) -> None:
    """The operating numbers count as the movements of MRR do."""
    for table, period in (("fct_daily_operations", "period = 'month'"), ("fct_mrr_movements", "true")):
        begun = built.execute(
            f"""
            select segment_value, new_subscriptions from {table}
            where {period} and period_start = '1996-01-01' and segment_value in ('all', 'clkm_ends', 'clkm_edge')
            order by segment_value
            """
        ).fetchall()
        assert begun == [("all", 5), ("clkm_edge", 1), ("clkm_ends", 3)], table


def test_customers_and_channels_of_an_app_are_as_of_its_clock(built: duckdb.DuckDBPyConnection) -> None:
    """A value by subscription and the economics of a month of acquisition know nothing of later months."""
    assert built.execute(
        "select mrr_cents from dim_customer_ltv where app = 'clkm_ends' and person_id = 'clock_money_e1'"
    ).fetchone() == (700,)
    assert rows_of(
        built,
        """
        select segment_value, strftime(period_start, '%Y-%m'), is_complete
        from fct_channel_economics where segment = 'app' and segment_value like 'clkm_%'
        """,
    ) == [("clkm_ends", "1996-01", False), ("clkm_edge", "1996-01", True), ("clkm_late", "1996-03", True)]
    assert built.execute(
        "select distinct is_complete from fct_channel_economics where segment = 'all' and period_start = '1996-01-01'"
    ).fetchall() == [(True,)]
