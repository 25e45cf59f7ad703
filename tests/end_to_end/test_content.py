"""Content and creators of the demo's app against pandas, every row of every mart; forecasts against statsmodels."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

import ingest
from tests.end_to_end.dbt_project import REPOSITORY, run_dbt

DAY = pd.Timedelta(days=1)
REACTIONS = {
    "likes": "content_liked",
    "comments": "content_commented",
    "shares": "content_shared",
    "bookmarks": "content_bookmarked",
}
PERIODS = {"week": "W-SUN", "month": "M"}


@pytest.fixture(scope="module")
def told() -> pd.DataFrame:
    """What readers and creators did, with its person, creator, day and weight; faults are left out."""
    rows = duckdb.sql(
        f"select event_id, event_name, occurred_at, user_id, anonymous_id, properties,"
        f" context::json ->> 'country' as country, context::json ->> 'device_type' as device_type"
        f" from '{REPOSITORY / 'demo' / 'data' / 'studio.parquet'}' order by occurred_at, event_id"
    ).df()
    said = pd.json_normalize([json.loads(text) for text in rows["properties"]]).drop(columns=["plan_id", "wave"])
    frame = pd.concat([rows.drop(columns="properties"), said], axis=1)
    # a device is its first user's, before and after
    owners = frame.dropna(subset=["user_id", "anonymous_id"]).groupby("anonymous_id")["user_id"].first()
    frame["person"] = frame["user_id"].fillna(frame["anonymous_id"].map(owners)).fillna(frame["anonymous_id"])
    frame["day"] = frame["occurred_at"].dt.normalize()
    weights = csv.DictReader((REPOSITORY / "seeds" / "engagement_weights.csv").read_text().splitlines())
    frame["weight"] = frame["event_name"].map({row["event_name"]: float(row["weight"]) for row in weights}).fillna(0)
    return frame


@pytest.fixture(scope="module")
def first_sessions(told: pd.DataFrame) -> pd.DataFrame:
    return told.dropna(subset=["country"]).groupby("person").first()


@pytest.fixture(scope="module")
def acts(told: pd.DataFrame) -> pd.DataFrame:
    """The events of content that count: a finish follows a start, a rating lies on its scale."""
    names = [*REACTIONS.values(), "content_published", "content_viewed", "part_started", "part_finished"]
    names += ["content_rated", "tip_sent", "content_purchased"]
    found = told[told["event_name"].isin(names)].copy()
    started: set[tuple[Any, ...]] = set()
    counts = []
    for row in found.itertuples():
        key = (row.person, row.content_id, row.part)
        if row.event_name == "part_started":
            started.add(key)
        counts.append(
            key in started
            if row.event_name == "part_finished"
            else 1 <= row.rating <= 5
            if row.event_name == "content_rated"
            else True
        )
    found = found[counts]
    published = found[found["event_name"] == "content_published"].set_index("content_id")
    found["creator"] = found["content_id"].map(published["creator_id"])
    found["is_last"] = found["part"] == found["content_id"].map(published["parts"])
    return found


@pytest.fixture(scope="module")
def money(told: pd.DataFrame, acts: pd.DataFrame) -> pd.DataFrame:
    """Tips and purchases in dollars' cents, and what was given back, by item and creator."""
    rates = {"USD": 1.0}
    for row in csv.DictReader((REPOSITORY / "seeds" / "exchange_rates.csv").read_text().splitlines()):
        if row["reporting_currency"] == "USD":
            rates[row["currency"], int(row["valid_from_date"][:4])] = float(row["rate"])
    paid = told[told["event_name"].isin(["tip_sent", "content_purchased"])]
    refunds = told[
        (told["event_name"] == "refund_issued") & told["payment_id"].isin(paid["payment_id"].dropna())
    ].copy()
    refunds["content_id"] = refunds["payment_id"].map(
        paid.dropna(subset="payment_id").set_index("payment_id")["content_id"]
    )
    assert len(refunds) > 5
    paid = pd.concat([paid.assign(sign=1), refunds.assign(sign=-1)])
    rate = [rates.get(row.currency) or rates[row.currency, row.day.year] for row in paid.itertuples()]
    paid["cents"] = (paid["sign"] * np.floor(paid["amount_cents"] * rate + 0.5)).astype(int)
    paid["creator"] = paid["content_id"].map(acts.drop_duplicates("content_id").set_index("content_id")["creator"])
    return paid


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same file loaded and built by Footfall."""
    home = tmp_path_factory.mktemp("studio")
    ingest.load([REPOSITORY / "demo" / "data" / "studio.parquet"], home)
    run_dbt(
        home, "build", "--resource-type=seed", "--resource-type=model", "--select", "+marts.content", "+fct_payments"
    )
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def measures(acts: pd.DataFrame, money: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """What events and money come to, a row for each value of the columns `by`."""
    name = acts["event_name"]
    starts = acts[name == "part_started"].drop_duplicates([*by, "person", "content_id"])
    ends = acts[(name == "part_finished") & acts["is_last"]].drop_duplicates([*by, "person", "content_id"])
    both = starts.merge(ends, on=list(dict.fromkeys([*by, "person", "content_id"])))
    sizes = {
        "views": acts[name == "content_viewed"],
        "starters": starts,
        "finishers": both,
        **{told: acts[name == event] for told, event in REACTIONS.items()},
        "payments": money[money["cents"] > 0],
    }
    columns = {told: rows.groupby(by).size() for told, rows in sizes.items()}
    columns["unique_readers"] = sizes["views"].groupby(by)["person"].nunique()
    columns["read_seconds"] = acts[acts["read_seconds"] > 0].groupby(by)["read_seconds"].sum()
    columns["engagement_score"] = acts.groupby(by)["weight"].sum()
    columns["revenue_cents"] = money.groupby(by)["cents"].sum()
    columns["rating_sum"] = acts[name == "content_rated"].groupby(by)["rating"].sum()
    return pd.DataFrame(columns).fillna(0)


def found_rows(studio: duckdb.DuckDBPyConnection, query: str, keys: int) -> dict[Any, tuple[Any, ...]]:
    rows = studio.execute(query).fetchall()
    found = {row[:keys]: row[keys:] for row in rows}
    assert len(found) == len(rows)
    return found


def test_items_and_creators_in_every_period_are_those_of_pandas(
    studio: duckdb.DuckDBPyConnection, acts: pd.DataFrame, money: pd.DataFrame
) -> None:
    cases = [("content_id", "fct_content_performance", period) for period in ("all", "week", "month")]
    cases += [("creator_id", "fct_creator_growth", "week"), ("creator_id", "fct_creator_growth", "month")]
    for key, mart, period in [*cases, ("creator_id", "fct_creator_overview", "all")]:
        frames = [frame.drop(columns="creator_id").rename(columns={"creator": "creator_id"}) for frame in (acts, money)]
        if period != "all":
            frames = [f.assign(period_start=f["day"].dt.to_period(PERIODS[period]).dt.start_time) for f in frames]
        by = [key] if period == "all" else [key, "period_start"]
        expected = measures(*frames, by)
        where = "" if mart == "fct_creator_overview" else f" where period = '{period}'"
        found = studio.execute(f"from {mart}{where}").df().set_index(by)
        if "mean_rating" in found:
            found["rating_sum"] = (found["mean_rating"] * found["ratings"]).fillna(0)
        columns = list(expected.columns.intersection(found.columns))
        assert len(columns) == (5 if mart == "fct_creator_growth" else len(expected.columns))
        # what the oracle does not know is silent
        assert expected.index.isin(found.index).all()
        expected = expected.reindex(found.index, fill_value=0)
        np.testing.assert_allclose(found[columns].astype(float), expected[columns])
    everybody = studio.execute(
        "select views, unique_readers from fct_content_overview where period = 'month'"
    ).fetchall()
    viewed = acts[acts["event_name"] == "content_viewed"]
    months = viewed.groupby(viewed["day"].dt.to_period("M"))["person"].agg(["size", "nunique"])
    assert sorted(everybody) == sorted([*months.itertuples(index=False, name=None)] * 2)


def test_ranks_medians_and_trends_are_those_of_pandas(studio: duckdb.DuckDBPyConnection) -> None:
    items = studio.execute("from fct_content_performance order by content_id, period, period_start").df()
    peers = items.groupby(["period", "period_start"])
    for rank, measure in (
        ("view_rank", "views"),
        ("engagement_rank", "engagement_score"),
        ("revenue_rank", "revenue_cents"),
    ):
        assert (items[rank] == peers[measure].rank(method="min", ascending=False)).all()
    for measure in ("views", "engagement_score", "completion_rate"):
        np.testing.assert_allclose(items[f"peers_median_{measure}"], peers[measure].transform("median"))
    # the first period is partial: its successor is compared with nothing
    place = items.groupby(["content_id", "period"]).cumcount()
    began = items.groupby(["content_id", "period"])["period_start"].transform("first")
    first_days = (
        studio.execute("select content_id, first_date from int_content_items")
        .df()
        .set_index("content_id")["first_date"]
    )
    is_whole = items["content_id"].map(first_days) <= began
    compared = (items["period"] != "all") & ((place > 1) | ((place == 1) & is_whole))
    previous = items.groupby(["content_id", "period"])["views"].shift().where(compared)
    assert items["previous_views"].astype(float).equals(previous.astype(float))
    np.testing.assert_allclose(items["views_change"], (items["views"] / previous.replace(0, np.nan) - 1).astype(float))
    assert compared.sum() > 1_000


def test_parts_are_those_of_pandas(studio: duckdb.DuckDBPyConnection, acts: pd.DataFrame) -> None:
    expected = {}
    for item, own in acts[acts["event_name"].isin(["part_started", "part_finished"])].groupby("content_id"):
        furthest = own.groupby("person")["part"].max()
        for part, rows in own.groupby("part"):
            ends = rows[rows["event_name"] == "part_finished"].groupby("person")["occurred_at"].min()
            starts = rows[rows["event_name"] == "part_started"].groupby("person")["occurred_at"].min()
            seconds = (ends - starts).dropna().dt.total_seconds()
            stays = furthest[furthest == part].index
            dropped = [person for person in stays if not (rows["is_last"].any() and person in ends.index)]
            expected[item, part] = (
                len(starts),
                len(ends),
                int((furthest[starts.index] > part).sum()),
                len(dropped),
                pytest.approx(len(dropped) / len(starts)),
                pytest.approx(len(starts) / len(furthest)),
                pytest.approx(seconds.median()) if len(seconds) else None,
            )
    columns = "starters, finishers, went_on, dropped_readers, drop_off_rate, reached_share, median_seconds_to_finish"
    assert found_rows(studio, f"select content_id, part, {columns} from fct_content_parts", 2) == expected
    assert len(expected) > 100


def test_audiences_are_those_of_pandas(
    studio: duckdb.DuckDBPyConnection, told: pd.DataFrame, acts: pd.DataFrame, first_sessions: pd.DataFrame
) -> None:
    follows = told[told["event_name"].isin(["creator_followed", "creator_unfollowed"])].assign(
        creator=lambda f: f["creator_id"]
    )
    there = pd.concat([acts[acts["event_name"] != "content_published"], follows])
    days = there[["creator", "person", "day"]].drop_duplicates()
    last = told["day"].max()
    expected = {}
    for start in pd.date_range(days["day"].min().replace(day=1), last, freq="MS"):
        end = min(start + pd.offsets.MonthEnd(0), last)
        recent = (
            days[(days["day"] <= end) & (days["day"] > end - 30 * DAY)]
            .groupby(["creator", "person"])
            .size()
            .reset_index(name="n")
        )
        for segment in ("all", "country", "device_type"):
            values = (
                recent["person"].map(first_sessions[segment]) if segment != "all" else pd.Series("all", recent.index)
            )
            for (creator, value), own in recent.groupby(["creator", values]):
                kinds = tuple(int(own["n"].between(*bounds).sum()) for bounds in ((1, 1), (2, 3), (4, 30)))
                expected[creator, start, segment, value] = (len(own), *kinds, pytest.approx(own["n"].mean()))
    columns = "audience_persons, casual_persons, regular_persons, loyal_persons, mean_active_days"
    query = f"select creator_id, period_start::timestamp, segment, segment_value, {columns} from fct_creator_audience"
    assert found_rows(studio, query, 4) == expected
    assert sum(row[3] for row in expected.values()) > 50
    following: dict[str, set[str]] = {}
    for row in follows.itertuples():
        change = set.add if row.event_name == "creator_followed" else set.discard
        change(following.setdefault(row.creator, set()), row.person)
    found = studio.execute("select creator_id, followers from fct_creator_overview").fetchall()
    assert dict(found) == {creator: len(persons) for creator, persons in following.items()}


def test_readers_are_those_of_pandas(
    studio: duckdb.DuckDBPyConnection, told: pd.DataFrame, acts: pd.DataFrame, money: pd.DataFrame
) -> None:
    follows = told[told["event_name"].isin(["creator_followed", "creator_unfollowed"])]
    there = pd.concat([acts[acts["event_name"] != "content_published"], follows])
    last = told["day"].max()
    ends = there[(there["event_name"] == "part_finished") & there["is_last"].eq(True)]
    days = there.drop_duplicates(["person", "day"])
    expected = pd.DataFrame(
        {
            "active_days": days.groupby("person").size(),
            "recent_active_days": days[days["day"] > last - 30 * DAY].groupby("person").size(),
            "viewed_items": there[there["event_name"] == "content_viewed"].groupby("person")["content_id"].nunique(),
            "finished_items": ends.groupby("person")["content_id"].nunique(),
            "engagement_score": there.groupby("person")["weight"].sum(),
            "revenue_cents": money.groupby("person")["cents"].sum(),
        }
    ).fillna(0)
    found = studio.execute("from fct_content_readers").df().set_index("person_id").sort_index()
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found[expected.columns].astype(float), expected)
    ranks = studio.execute("select engagement_rank, engagement_score from fct_content_readers order by 1").df()
    assert ranks["engagement_rank"].eq(ranks["engagement_score"].rank(method="min", ascending=False)).all()


def test_faults_are_those_that_were_made(
    studio: duckdb.DuckDBPyConnection, told: pd.DataFrame, acts: pd.DataFrame
) -> None:
    made = told["event_name"]
    expected = {
        "finish_without_start": (made == "part_finished").sum() - (acts["event_name"] == "part_finished").sum(),
        "rating_out_of_range": ((made == "content_rated") & (told["rating"] == 0)).sum(),
        "negative_read_time": (acts["read_seconds"] < 0).sum(),
    }
    assert min(expected.values()) > 0
    assert (
        dict(studio.execute("select fault, sum(events)::bigint from fct_content_faults group by 1").fetchall())
        == expected
    )


def ets(history: pd.Series, months: int) -> pd.DataFrame:
    """Statsmodels by itself, in cents."""
    model = ETSModel(history, error="add", initialization_method="known", initial_level=history[:3].mean())
    fit = model.fit(disp=False)
    return fit.get_prediction(start=len(history), end=len(history) + months - 1).summary_frame(alpha=0.05)


def test_forecasts_and_their_back_tests_are_those_of_statsmodels(
    studio: duckdb.DuckDBPyConnection, acts: pd.DataFrame, money: pd.DataFrame
) -> None:
    began = acts.groupby("creator")["day"].min()
    coming = pd.date_range("2015-10-01", periods=3, freq="MS")
    revenue = studio.execute("from fct_creator_revenue").df()
    assert revenue.loc[revenue["is_forecast"], "creator_id"].value_counts().eq(3).all()
    for creator, own in money.groupby("creator"):
        months = own.groupby(own["day"].dt.to_period("M"))["cents"].sum()
        first = began[creator].to_period("M") + int(began[creator].day > 1)
        history = (
            months.reindex(pd.period_range(first, "2015-09", freq="M"), fill_value=0)
            .reset_index(drop=True)
            .astype(float)
        )
        expected = ets(history, 3)
        rows = revenue[(revenue["creator_id"] == creator) & revenue["is_forecast"]].sort_values("period_start")
        assert list(rows["period_start"]) == list(coming)
        assert rows["fault"].isna().all()
        assert rows["history_months"].eq(len(history)).all()
        # the same likelihood in another unit: the search stops within this of it
        np.testing.assert_allclose(rows["expected_cents"], expected["mean"], rtol=2e-3)
        for column, bound in (("lower_cents", "pi_lower"), ("upper_cents", "pi_upper")):
            np.testing.assert_allclose(rows[column], expected[bound].clip(lower=0), rtol=5e-3, atol=1)
        known, held_out = history[:-3], history[-3:].to_numpy()
        test = ets(known, 3)
        np.testing.assert_allclose(rows["backtest_error_cents"], np.abs(test["mean"] - held_out).mean(), rtol=5e-3)
        np.testing.assert_allclose(rows["backtest_naive_error_cents"], np.abs(known.iloc[-1] - held_out).mean())
