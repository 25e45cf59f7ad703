"""An app's rows end with its own last event, and nothing of it is complete after that, whatever other apps do."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from tests.end_to_end.faults.files import ndjson

DAY = timedelta(days=1)
# the days of each app: one ends, one begins late, one is silent for a month and more, one goes on
SPANS = {
    "ended": [(date(2016, 1, 5), date(2016, 2, 20))],
    "late": [(date(2016, 5, 3), date(2016, 7, 10))],
    "silent": [(date(2016, 1, 5), date(2016, 2, 20)), (date(2016, 4, 10), date(2016, 7, 20))],
    "on": [(date(2016, 1, 5), date(2016, 8, 30))],
}


def events_of(app: str) -> Iterator[dict[str, Any]]:
    """Every fifth day all that a mart is made of, and a page view that is the app's last event."""
    number = 0
    for first, last in SPANS[app]:
        for day in (first + k * DAY for k in range(0, (last - first).days + 1, 5)):
            charging = {"charging_session_id": f"{day}", "station_id": "s", "location_id": "hub", "energy_kwh": 5}
            for minute, (name, said) in enumerate(
                [
                    ("page_view", {}),
                    ("clk_opened", {}),
                    ("clk_done", {}),
                    ("experiment_exposed", {"experiment": f"clocks_{app}", "variant": "control"}),
                    ("content_viewed", {"content_id": f"clocks_{app}", "creator_id": "ada"}),
                    ("nps_sent", {"wave": f"{day}"}),
                    *((f"{survey}_answered", {"score": 5}) for survey in ("nps", "csat", "ces")),
                    ("purchase", {"amount_cents": 500, "currency": "USD"}),
                    ("subscription_created", {"subscription_id": app, "amount_cents": 100, "currency": "USD"}),
                    ("subscription_cancelled", {"subscription_id": app}),
                    ("user_registered", {}),
                    ("charge_started", charging),
                    ("charge_stopped", charging),
                    ("wallet_credited", charging | {"amount_cents": 10, "currency": "USD"}),
                ]
            ):
                yield said_by(app, number, name, f"{day}T09:{minute:02}:00Z", said)
                number += 1
    yield said_by(app, number, "page_view", f"{SPANS[app][-1][1]}T23:00:00Z", {})


def said_by(app: str, number: int, name: str, at: str, properties: dict[str, Any]) -> dict[str, Any]:
    """An event of the app's only user."""
    return {
        "app": f"clocks_{app}",
        "event_id": f"{number}",
        "event_name": name,
        "occurred_at": at,
        "user_id": f"clocks_{app}",
        "properties": properties,
    }


# nobody does anything in these: the one sends what is passive alone, the other what belongs to nobody
IDLE = {
    "passive": {"event_name": "$pageleave", "user_id": "clocks_passive"},
    "nobody": {"event_name": "page_view", "user_id": None},
}


def idle_events_of(app: str) -> Iterator[dict[str, Any]]:
    """A few in January and one in March, months before the last app ends."""
    for number, at in enumerate(("2016-01-05T10:00:00Z", "2016-01-20T10:00:00Z", "2016-03-10T23:00:00Z")):
        yield said_by(app, number, "", at, {}) | IDLE[app]


FILES = [ndjson(f"clocks_{app}.ndjson", *events_of(app)) for app in SPANS]
FILES += [ndjson(f"clocks_{app}.ndjson", *idle_events_of(app)) for app in IDLE]
SEEDS = {
    "conversions": [f"clocks_{app},clocks_{app},,person,clk_done,,,,any,,30,7" for app in SPANS],
    "funnels": [f"clocks_{app},clocks_{app},,person,ordered,604800,units,week" for app in SPANS],
    "funnel_steps": [
        f"clocks_{app},{step},{name},{name},,false,any"
        for app in SPANS
        for step, name in ((1, "clk_opened"), (2, "clk_done"))
    ],
    "retentions": [f"clocks_{app},month,12,clocks_{app},,person,,,,,first_time,exact,calendar,1," for app in SPANS],
    "experiments": [
        f"clocks_{app},clocks_{app},person,footfall,2016-01-01,,100,0.05,0.8,0.2,0,Clocks" for app in SPANS
    ],
    "experiment_variants": [
        f"clocks_{app},{variant},1,{str(variant == 'control').lower()}"
        for app in SPANS
        for variant in ("control", "other")
    ],
    "experiment_metrics": [f"clocks_{app},done,conversion,clk_done,,0,30,up,true" for app in SPANS],
}


def clock_of(app: str) -> datetime:
    """When the last event of an app was."""
    return datetime.combine(SPANS[app][-1][1], datetime.min.time()) + timedelta(hours=23)


def start_of(day: date, period: str) -> date:
    """The first day of the period of a day."""
    return {"day": day, "week": day - day.weekday() * DAY, "month": day.replace(day=1)}[period]


def periods_of(app: str, period: str, wait: int) -> list[tuple[str, date, bool]]:
    """Every period from an app's first day to its last, and whether it is over by the app's own clock, with a wait."""
    clock = clock_of(app)
    start, periods = start_of(SPANS[app][0][0], period), []
    while start <= clock.date():
        following = start_of(start + {"day": DAY, "week": 7 * DAY, "month": 31 * DAY}[period], period)
        is_over = datetime.combine(following, datetime.min.time()) + wait * DAY <= clock
        periods.append((period, start, is_over))
        start = following
    return periods


SEGMENT = "segment = 'app' and segment_value = $app"
ALL = ("day", "week", "month")
# by mart: which of its rows are the app's, in which periods, and for how many days after them they can still grow
DENSE = {
    "fct_web_overview": (SEGMENT, ALL, 0),
    "fct_daily_operations": (SEGMENT, ALL, 0),
    "fct_growth_accounting": (SEGMENT, ALL, 0),
    "fct_churn": (f"{SEGMENT} and kind = 'activity'", ("week", "month"), 0),
    "fct_revenue_overview": (SEGMENT, ALL, 0),
    "metric_mau": (SEGMENT, ("day",), 0),
    "metric_mrr": (SEGMENT, ("month",), 0),
    "fct_charging_funnel": (SEGMENT, ALL, 3),
    "fct_green_hour_utilization": (SEGMENT, ALL, 3),
    "fct_station_utilization": ("app = $app", ALL, 3),
    "metric_station_utilization": (SEGMENT, ALL, 3),
    "fct_content_overview": (SEGMENT, ("week", "month"), 0),
    "fct_content_performance": ("app = $app and period != 'all'", ("week", "month"), 0),
    "fct_creator_growth": ("app = $app", ("week", "month"), 0),
    "fct_creator_revenue": ("app = $app and revenue_cents is not null", ("month",), 0),
    "fct_experiment_exposures": ("app = $app", ALL, 0),
    "metric_survey_response_rate": (SEGMENT, ("month",), 30),
    "fct_conversions": ("conversion = $app", ALL, 0),
    "fct_funnel_steps": ("funnel = $app and period != 'total'", ("week",), 7),
    "metric_at_risk_persons": (SEGMENT, ("month",), 0),
}


@pytest.mark.parametrize("app", SPANS)
@pytest.mark.parametrize("mart", DENSE)
def test_rows_of_an_app_end_with_it_and_are_complete_by_its_own_clock(
    mart: str, app: str, built: duckdb.DuckDBPyConnection
) -> None:
    rows, periods, wait = DENSE[mart]
    shown = built.execute(
        f"select distinct period, period_start, is_complete from {mart} where {rows} order by all",
        {"app": f"clocks_{app}"},
    ).fetchall()
    assert shown == sorted(each for period in periods for each in periods_of(app, period, wait))


@pytest.mark.parametrize("app", SPANS)
@pytest.mark.parametrize("mart", ["fct_creator_audience", "fct_charging_rewards"])
def test_months_in_which_somebody_did_something_are_complete_by_the_apps_own_clock(
    mart: str, app: str, built: duckdb.DuckDBPyConnection
) -> None:
    shown = built.execute(
        f"select distinct 'month', period_start, is_complete from {mart} where app = $1 order by all", [f"clocks_{app}"]
    ).fetchall()
    months = periods_of(app, "month", 0)
    assert set(shown) <= set(months)
    assert shown[-1] == months[-1]


@pytest.mark.parametrize("app", SPANS)
def test_dates_of_an_apps_audience_end_with_it(app: str, built: duckdb.DuckDBPyConnection) -> None:
    last = clock_of(app).date()
    shown = built.execute(
        "select distinct audience_date, is_complete from fct_audience where segment = 'app' and segment_value = $1"
        " order by all",
        [f"clocks_{app}"],
    ).fetchall()
    ends = [start_of(start + 31 * DAY, "month") - DAY for _, start, _ in periods_of(app, "month", 0)]
    assert shown == [*((end, True) for end in ends[:-1]), (last, False)]
    # active every fifth day to the end: it is not known that anybody churned
    last_of_all = built.execute(
        "select person_segment, persons from fct_audience where segment = 'app' and segment_value = $1"
        " and audience_date = $2 and persons > 0",
        [f"clocks_{app}", last],
    ).fetchall()
    assert last_of_all == [("ACTIVE", 1)]
    assert built.execute(
        "select sum(lost) from int_activity_lifetimes where segment = 'app' and segment_value = $1", [f"clocks_{app}"]
    ).fetchall() == [(int(app == "silent"),)]


@pytest.mark.parametrize("app", SPANS)
def test_cells_of_a_retention_end_with_its_app(app: str, built: duckdb.DuckDBPyConnection) -> None:
    shown = built.execute(
        "select 'month', (cohort_start + to_months(periods_later))::date as start, is_complete"
        " from fct_retention where retention = $1 order by start",
        [f"clocks_{app}"],
    ).fetchall()
    assert shown == periods_of(app, "month", 0)


@pytest.mark.parametrize("app", SPANS)
@pytest.mark.parametrize("mart", ["fct_charging_streaks", "fct_content_readers", "fct_creator_overview"])
def test_what_is_true_at_the_end_says_the_apps_own_last_day(
    mart: str, app: str, built: duckdb.DuckDBPyConnection
) -> None:
    shown = built.execute(f"select distinct as_of_date from {mart} where app = $1", [f"clocks_{app}"]).fetchall()
    assert shown == [(clock_of(app).date(),)]


def test_an_experiment_has_run_to_the_end_of_its_app(built: duckdb.DuckDBPyConnection) -> None:
    shown = dict(
        built.execute(
            "select app, days_run from fct_experiment_health where app like 'clocks!_%' escape '!'"
        ).fetchall()
    )
    assert shown == {
        f"clocks_{app}": pytest.approx((clock_of(app).date() - SPANS[app][0][0]).days + 23 / 24) for app in SPANS
    }


@pytest.mark.parametrize(
    "mart", ["fct_web_overview", "fct_charging_funnel", "fct_content_overview", "metric_at_risk_persons"]
)
def test_rows_over_all_apps_go_by_the_latest_clock(mart: str, built: duckdb.DuckDBPyConnection) -> None:
    # apps of other files may begin earlier and end later
    months = built.execute(
        f"select period_start, is_complete from {mart} where segment = 'all' and period = 'month'"
        " and period_start between '2016-01-01' and '2016-07-01' order by all"
    ).fetchall()
    assert months == [(date(2016, month, 1), True) for month in range(1, 8)]


# the rows of apps of a mart or metric, each with the end of its period and the app's last event
OF_APPS = """
    select
        {app} as app, {period} as period, period_start, is_complete, clocks.last_event_at,
        case period when 'day' then period_start + 1 when 'week' then period_start + 7
            else (period_start + interval 1 month)::date end as period_end
    from {mart} left join clocks on {app} = clocks.app
    where {rows} and {period} in ('day', 'week', 'month')
"""
# what is told of the time after an app's last event
GOES_ON = {"fct_creator_revenue": "forecasts of the months to come"}


@pytest.fixture(scope="module")
def periodic(built: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """By mart and metric with rows of periods: a query of those of apps. An app's clock is told by its events alone."""
    built.execute("create temp table clocks as select app, max(occurred_at) as last_event_at from events group by app")
    columns: dict[str, set[str]] = {}
    for mart, column in built.execute(
        """
        select table_name, column_name from duckdb_columns()
        where schema_name = 'main' and regexp_matches(table_name, '^(fct|metric)_')
        """
    ).fetchall():
        columns.setdefault(mart, set()).add(column)
    return {
        mart: OF_APPS.format(
            mart=mart,
            app=f"{mart}.app" if "app" in has else "segment_value",
            period="period" if "period" in has else "'month'",
            rows="true" if "app" in has else "segment = 'app'",
        )
        for mart, has in sorted(columns.items())
        if {"period_start", "is_complete"} <= has and has & {"app", "segment_value"}
    }


def test_no_row_of_an_app_begins_or_is_complete_after_its_last_event(
    periodic: dict[str, str], built: duckdb.DuckDBPyConnection
) -> None:
    """Of the apps of every file of this folder, in every relation."""
    late = "period_start > last_event_at is not false"
    early = "is_complete and period_end > last_event_at is not false"
    counts = {
        mart: built.execute(f"select count(*) filter ({late}), count(*) filter ({early}) from ({rows})").fetchone()
        for mart, rows in periodic.items()
    }
    assert {mart for mart, (begun_late, _) in counts.items() if begun_late} == GOES_ON.keys()
    assert {mart for mart, (_, complete) in counts.items() if complete} == set()
    assert len(counts) > 80


# of what the last complete month is an earlier one, or none
NOT_EVERY_MONTH = {
    "by the day alone": ["dau", "wau", "mau", "stickiness"],
    "by the day alone, of experiments": [
        "experiment_new_units", "experiment_sample", "misassignment_rate", "several_variants_rate"
    ],
    "of configured analyses and not of apps": [
        "conversion_rate", "time_to_convert", "funnel_conversion",
        "retention_d1", "retention_d7", "retention_d30", "retention_w1", "retention_m1",
    ],
    "of the months in which customers came": ["cac", "spend", "payback_months", "ltv_3m", "ltv_12m"],
    "open for 30 days more": ["nps", "survey_response_rate", "signup_to_payment_rate"],
}  # fmt: skip
NOT_EVERY_MONTH_OF_MARTS = {"fct_channel_economics", "fct_nps"}


def test_the_last_complete_month_of_an_app_is_the_one_before_its_end(
    periodic: dict[str, str], built: duckdb.DuckDBPyConnection
) -> None:
    expected = {f"clocks_{app}": periods_of(app, "month", 0)[-2][1] for app in SPANS}
    others = set()
    for mart, rows in periodic.items():
        shown = dict(
            built.execute(
                f"select app, max(period_start) filter (is_complete) from ({rows})"
                " where period = 'month' and app in $1 group by app",
                [[*expected]],
            ).fetchall()
        )
        others |= {mart} if shown != expected else set()
    assert others == NOT_EVERY_MONTH_OF_MARTS | {f"metric_{m}" for names in NOT_EVERY_MONTH.values() for m in names}


@pytest.mark.parametrize("app", IDLE)
def test_an_app_without_activity_has_periods_to_its_end_and_nobody_in_them(
    app: str, periodic: dict[str, str], built: duckdb.DuckDBPyConnection
) -> None:
    assert built.execute(
        "select count(*), max(period_start), max(period_start) filter (is_complete), sum(visitors), sum(views)"
        " from fct_web_overview where segment_value = $1 and period = 'month'",
        [f"clocks_{app}"],
    ).fetchall() == [(3, date(2016, 3, 1), date(2016, 2, 1), 0, 3 if app == "nobody" else 0)]
    for mart in ("fct_active_persons", "fct_growth_accounting"):
        rows = built.execute(f"select count(*) from {mart} where segment_value = $1", [f"clocks_{app}"]).fetchall()
        assert rows == [(0,)], mart
