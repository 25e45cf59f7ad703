"""One analysis on one engine: `python engine_tasks.py ENGINE TASK FOLDER SQL` prints its CPU seconds and a check.

Runs in any Python that has the engine: it imports nothing of this repository. Every engine keeps the same columns and
materialises its result; importing the engine is not timed. Where there is a choice, the other engines get the
algorithm that is fastest on them. `SQL` is a JSON object {task: our statement}, used by the engine `footfall` only.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from typing import Any

TIMEOUT = 1800
WINDOWS = (1, 7, 30)
FIRST_OF_SESSION = ["app", "country", "device_type", "os", "browser"]
FIRST_SEEN = ["user_id", "account_id", "page_url", "referrer", "utm_source", "utm_medium", "utm_campaign", "utm_term"]
FUNNEL = ("product_view", "add_to_cart", "checkout_start", "purchase")
FUNNEL_DAYS = 7
NOT_INTERACTION = ("page_view", "scroll", "error_shown")
NEEDED = ["stream_id", "event_id", "occurred_at", "event_name", "anonymous_id", *FIRST_OF_SESSION, *FIRST_SEEN]
THREADS = 2


def cpu() -> float:
    """Processor seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def footfall(folder: str, sql: dict[str, str]) -> dict[str, Callable[[], list[Any]]]:
    """Our own SQL, rendered from the macros that the models use."""
    import duckdb

    con = duckdb.connect(config={"threads": THREADS})
    con.execute("set preserve_insertion_order = false; set asof_loop_join_threshold = 0")
    con.execute(
        f"""create view events as select *, event_name = 'page_view' as is_page_view, true as is_activity,
            event_name not in ('scroll', 'error_shown') as is_interaction,
            false as is_passive,
            false as is_bot
        from read_parquet('{folder}/*.parquet')"""
    )

    def sessions() -> list[Any]:
        con.execute(f"create or replace temp table result as {sql['sessions']}")
        return list(
            con.execute(
                """select count(*), sum(events), sum(page_views), sum(interactions),
                    sum(round(duration_seconds * 1000))::bigint, count(user_id), count(referrer), count(utm_source),
                    sum(length(entry_page)), sum(length(exit_page))
                from result"""
            ).fetchall()[0]
        )

    def actives() -> list[Any]:
        con.execute(f"create or replace temp table result as {sql['actives']}")
        return list(con.execute("select count(*), sum(dau), sum(wau), sum(mau) from result").fetchall()[0])

    def retention(rule: str) -> list[Any]:
        con.execute(f"create or replace temp table result as {sql[rule]}")
        return list(
            con.execute(
                "select count(*), sum(units), sum(units * cohort), sum(units * period) from result where units > 0"
            ).fetchall()[0]
        )

    def funnel() -> list[Any]:
        con.execute(f"create or replace temp table result as {sql['funnel']}")
        return [count for (count,) in con.execute("select count(*) from result group by step order by step").fetchall()]

    return {
        "sessions": sessions,
        "actives": actives,
        "retention": lambda: retention("retention"),
        "recurring_retention": lambda: retention("recurring_retention"),
        "funnel": funnel,
    }


SESSION_CHECK = """select count(), sum(events), sum(page_views), sum(interactions), toInt64(sum(duration_ms)),
    countIf(user_id is not null), countIf(referrer is not null), countIf(utm_source is not null),
    sum(length(entry_page)), sum(length(exit_page)) from result"""


def chdb(folder: str, sql: dict[str, str]) -> dict[str, Callable[[], list[Any]]]:
    """ClickHouse in process."""
    from chdb.session import Session

    server = Session()
    columns = ", ".join(NEEDED)
    source = f"""(select {columns}, toUnixTimestamp64Milli(toDateTime64(occurred_at, 3)) as ms
        from file('{folder}/*.parquet', Parquet) where stream_id is not null)"""
    settings = f"settings max_threads = {THREADS}"

    def value(query: str) -> list[Any]:
        return [int(part) for part in str(server.query(query, "TSV")).split()]

    def sessions() -> list[Any]:
        moment = "(ms, event_id)"
        firsts = ", ".join(f"argMin({name}, {moment}) as {name}" for name in FIRST_OF_SESSION)
        seen = ", ".join(
            f"argMinIf({name}, {moment}, {name} is not null) as {name}" for name in FIRST_SEEN if name != "page_url"
        )
        server.query("drop table if exists result")
        server.query(
            f"""create table result engine = Memory as
            select stream_id, session, min(ms) as started_ms, max(ms) - min(ms) as duration_ms, count() as events,
                countIf(event_name = 'page_view') as page_views,
                countIf(event_name not in {NOT_INTERACTION}) as interactions,
                any(anonymous_id) as anonymous_id, {firsts}, {seen},
                argMin(page_url, {moment}) as entry_page, argMax(page_url, {moment}) as exit_page
            from (
                select *, sum(is_break) over (
                    partition by stream_id order by ms, is_break desc rows unbounded preceding
                ) as session
                from (
                    select *, ms - lagInFrame(ms, 1, 0) over (
                        partition by stream_id order by ms rows between unbounded preceding and current row
                    ) > {TIMEOUT * 1000} as is_break
                    from {source}
                )
            )
            group by stream_id, session {settings}"""
        )
        return value(SESSION_CHECK)

    def actives() -> list[Any]:
        changes = " union all ".join(
            f"""select greatest(day, previous + {n}) as day, '{n}' as n, units as change from gaps
            union all select day + {n}, '{n}', -units from gaps"""
            for n in WINDOWS
        )
        server.query("drop table if exists gaps; drop table if exists result")
        server.query("drop table if exists result")
        server.query(
            f"""create table gaps engine = Memory as
            select day, previous, toInt64(count()) as units from (
                select day, lagInFrame(day, 1, -100000) over (
                    partition by stream_id order by day rows between unbounded preceding and current row
                ) as previous
                from (select distinct stream_id, toInt32(toDate(occurred_at)) as day from {source})
            ) group by day, previous {settings}"""
        )
        server.query(
            f"""create table result engine = Memory as
            select days.day as day, windows.n as n, sum(change) as actives
            from (select distinct day from gaps) as days cross join (select arrayJoin({[str(n) for n in WINDOWS]}) as n)
                as windows
            inner join (select day, n, sum(change) as change from ({changes}) group by day, n) as changes
                on changes.n = windows.n
            where changes.day <= days.day group by day, n {settings}"""
        )
        return value(
            """select uniqExact(day), sumIf(actives, n = '1'), sumIf(actives, n = '7'), sumIf(actives, n = '30')
            from result"""
        )

    def retention(cohorts: str) -> list[Any]:
        week = "intDiv(intDiv(ms, 86400000) + 3, 7)"
        server.query("drop table if exists result")
        server.query(
            f"""create table result engine = Memory as
            select cohort, week - cohort as period, count() as units
            from (
                select arrayJoin({cohorts}) as cohort, arrayJoin(arrayFilter(week -> week >= cohort, weeks)) as week
                from (select stream_id, groupUniqArray({week}) as weeks from {source} group by stream_id)
            )
            group by cohort, period {settings}"""
        )
        return value("select count(), sum(units), sum(units * cohort), sum(units * period) from result")

    def funnel() -> list[Any]:
        conditions = ", ".join(f"event_name = '{name}'" for name in FUNNEL)
        server.query("drop table if exists result")
        server.query(
            f"""create table result engine = Memory as
            select stream_id, windowFunnel({FUNNEL_DAYS * 86_400_000})(toUInt64(ms), {conditions}) as level
            from {source} where event_name in {FUNNEL} group by stream_id {settings}"""
        )
        return value("select count() from result where level > 0 group by level order by level")

    return {
        "sessions": sessions,
        "actives": actives,
        "retention": lambda: retention("[arrayMin(weeks)]"),
        "recurring_retention": lambda: retention("weeks"),
        "funnel": funnel,
    }


def _rolling(gaps: list[tuple[int, int | None, int]]) -> list[int]:
    """Sum of the actives of all days, for each window, from (day, previous day, units)."""
    days = sorted({day for day, _, _ in gaps})
    totals = []
    for length in WINDOWS:
        change: dict[int, int] = {}
        for day, previous, units in gaps:
            begin = day if previous is None else max(day, previous + length)
            change[begin] = change.get(begin, 0) + units
            change[day + length] = change.get(day + length, 0) - units
        running, total = 0, 0
        for day in range(days[0], days[-1] + 1):
            running += change.get(day, 0)
            total += running
        totals.append(total)
    return [len(days), *totals]


def _levels(stream: Any, at: Any, step: Any) -> list[int]:
    """How many streams got to each level of the funnel and no further, from its events in order, as numpy arrays.

    For every event the running maximum finds the last event that reached the step before, in vector operations only.
    """
    import numpy as np

    row = np.arange(len(stream))
    begins = np.append(True, stream[1:] != stream[:-1])
    first_row = np.maximum.accumulate(np.where(begins, row, 0))
    entry = at.copy()
    is_reached = step == 1
    level = np.where(is_reached, 1, 0)
    for number in range(2, len(FUNNEL) + 1):
        last = np.maximum.accumulate(np.where(is_reached, row, -1))
        entry_now = entry[last]
        is_reached = (step == number) & (last >= first_row) & (at - entry_now <= FUNNEL_DAYS * 86_400_000_000)
        entry = np.where(is_reached, entry_now, entry)
        level[is_reached] = number
    furthest = np.maximum.reduceat(level, np.flatnonzero(begins))
    return [int(count) for count in np.bincount(furthest)[1:]]


def polars(folder: str, sql: dict[str, str]) -> dict[str, Callable[[], list[Any]]]:
    """Polars, lazy."""
    import polars as pl

    def sessions() -> list[Any]:
        col = pl.col
        ordered = (
            pl.scan_parquet(f"{folder}/*.parquet")
            .select(NEEDED)
            .filter(col("stream_id").is_not_null())
            .sort("stream_id", "occurred_at", "event_id")
            .with_columns(
                session=(
                    (col("stream_id") != col("stream_id").shift(1))
                    | (col("occurred_at").diff() > pl.duration(seconds=TIMEOUT))
                )
                .fill_null(True)
                .cum_sum()
            )
        )
        result = (
            ordered.group_by("session")
            .agg(
                col("stream_id", "anonymous_id", *FIRST_OF_SESSION).first(),
                *(col(name).drop_nulls().first() for name in FIRST_SEEN if name != "page_url"),
                entry_page=col("page_url").first(),
                exit_page=col("page_url").last(),
                started_at=col("occurred_at").first(),
                duration_ms=(col("occurred_at").last() - col("occurred_at").first()).dt.total_milliseconds(),
                events=pl.len(),
                page_views=(col("event_name") == "page_view").sum(),
                interactions=(~col("event_name").is_in(NOT_INTERACTION)).sum(),
            )
            .collect()
        )
        numbers = [int(result[name].sum()) for name in ("events", "page_views", "interactions", "duration_ms")]
        filled = [int(result[name].count()) for name in ("user_id", "referrer", "utm_source")]
        pages = [int(result[name].str.len_bytes().sum()) for name in ("entry_page", "exit_page")]
        return [result.height, *numbers, *filled, *pages]

    def actives() -> list[Any]:
        gaps = (
            pl.scan_parquet(f"{folder}/*.parquet")
            .filter(pl.col("stream_id").is_not_null())
            .select("stream_id", day=pl.col("occurred_at").dt.date().cast(pl.Int32))
            .unique()
            .sort("stream_id", "day")
            .with_columns(
                previous=pl.when(pl.col("stream_id") == pl.col("stream_id").shift(1)).then(pl.col("day").shift(1))
            )
            .group_by("day", "previous")
            .len()
            .collect()
        )
        return _rolling(gaps.rows())

    def retention(is_first_time: bool) -> list[Any]:
        weeks = (
            pl.scan_parquet(f"{folder}/*.parquet")
            .filter(pl.col("stream_id").is_not_null())
            .select("stream_id", week=(pl.col("occurred_at").dt.epoch("d") + 3) // 7)
            .unique()
        )
        cohorts = weeks.group_by("stream_id").agg(pl.col("week").min()) if is_first_time else weeks
        cells = (
            weeks.join(cohorts.rename({"week": "cohort"}), on="stream_id")
            .filter(pl.col("week") >= pl.col("cohort"))
            .group_by("cohort", period=pl.col("week") - pl.col("cohort"))
            .len("units")
            .collect()
        )
        units = cells["units"].cast(pl.Int64)
        sums = [units.sum(), (units * cells["cohort"]).sum(), (units * cells["period"]).sum()]
        return [cells.height, *sums]

    def funnel() -> list[Any]:
        ordered = (
            pl.scan_parquet(f"{folder}/*.parquet")
            .filter(pl.col("stream_id").is_not_null() & pl.col("event_name").is_in(FUNNEL))
            .select(
                "stream_id",
                at=pl.col("occurred_at").dt.epoch("us"),
                step=pl.col("event_name").replace_strict(
                    {name: n for n, name in enumerate(FUNNEL, 1)}, return_dtype=pl.Int8
                ),
            )
            .sort("stream_id", "at", "step")
            .collect()
        )
        return _levels(*(ordered[name].to_numpy() for name in ("stream_id", "at", "step")))

    return {
        "sessions": sessions,
        "actives": actives,
        "retention": lambda: retention(True),
        "recurring_retention": lambda: retention(False),
        "funnel": funnel,
    }


def pandas(folder: str, sql: dict[str, str]) -> dict[str, Callable[[], list[Any]]]:
    """Pandas with pyarrow's reader."""
    import pandas as pd

    def sessions() -> list[Any]:
        frame = pd.read_parquet(folder, columns=NEEDED)
        frame = frame[frame["stream_id"].notna()].sort_values(["stream_id", "occurred_at", "event_id"])
        is_break = (frame["stream_id"] != frame["stream_id"].shift(1)) | (
            frame["occurred_at"].diff() > pd.Timedelta(seconds=TIMEOUT)
        )
        frame["session"] = is_break.cumsum()
        frame["is_page_view"] = frame["event_name"] == "page_view"
        frame["is_interaction"] = ~frame["event_name"].isin(NOT_INTERACTION)
        # first and last skip nulls
        result = frame.groupby("session", sort=False).agg(
            **{name: (name, "first") for name in ["stream_id", "anonymous_id", *FIRST_OF_SESSION, *FIRST_SEEN]},
            exit_page=("page_url", "last"),
            started_at=("occurred_at", "first"),
            ended_at=("occurred_at", "last"),
            events=("event_id", "size"),
            page_views=("is_page_view", "sum"),
            interactions=("is_interaction", "sum"),
        )
        duration = (result["ended_at"] - result["started_at"]).dt.total_seconds() * 1000
        numbers = [int(result[name].sum()) for name in ("events", "page_views", "interactions")]
        filled = [int(result[name].count()) for name in ("user_id", "referrer", "utm_source")]
        pages = [int(result[name].str.len().sum()) for name in ("page_url", "exit_page")]
        return [len(result), *numbers, round(duration.sum()), *filled, *pages]

    def actives() -> list[Any]:
        frame = pd.read_parquet(folder, columns=["stream_id", "occurred_at"])
        frame = frame[frame["stream_id"].notna()]
        frame["day"] = frame["occurred_at"].astype("datetime64[s]").astype("int64") // 86400
        days = frame[["stream_id", "day"]].drop_duplicates().sort_values(["stream_id", "day"])
        days["previous"] = days["day"].shift(1).where(days["stream_id"] == days["stream_id"].shift(1), -100_000)
        gaps = days.groupby(["day", "previous"]).size().reset_index()
        return _rolling([(int(day), int(previous), int(units)) for day, previous, units in gaps.to_numpy()])

    def retention(is_first_time: bool) -> list[Any]:
        frame = pd.read_parquet(folder, columns=["stream_id", "occurred_at"])
        frame = frame[frame["stream_id"].notna()]
        frame["week"] = (frame["occurred_at"].astype("datetime64[s]").astype("int64") // 86400 + 3) // 7
        weeks = frame[["stream_id", "week"]].drop_duplicates()
        if is_first_time:
            pairs = weeks.assign(cohort=weeks.groupby("stream_id")["week"].transform("min"))
        else:
            pairs = weeks.merge(weeks.rename(columns={"week": "cohort"}), on="stream_id")
            pairs = pairs[pairs["week"] >= pairs["cohort"]]
        cells = pairs.assign(period=pairs["week"] - pairs["cohort"]).groupby(["cohort", "period"]).size()
        cells = cells.reset_index(name="units")
        sums = [cells["units"], cells["units"] * cells["cohort"], cells["units"] * cells["period"]]
        return [len(cells), *(int(column.sum()) for column in sums)]

    def funnel() -> list[Any]:
        frame = pd.read_parquet(
            folder, columns=["stream_id", "occurred_at", "event_name"], filters=[("event_name", "in", FUNNEL)]
        )
        frame = frame[frame["stream_id"].notna()]
        frame["at"] = frame["occurred_at"].astype("datetime64[us]").astype("int64")
        frame["step"] = frame["event_name"].map({name: number for number, name in enumerate(FUNNEL, 1)})
        frame = frame.sort_values(["stream_id", "at", "step"])
        return _levels(*(frame[name].to_numpy() for name in ("stream_id", "at", "step")))

    return {
        "sessions": sessions,
        "actives": actives,
        "retention": lambda: retention(True),
        "recurring_retention": lambda: retention(False),
        "funnel": funnel,
    }


ENGINES = {"footfall": footfall, "chdb": chdb, "polars": polars, "pandas": pandas}


def main() -> None:
    """Run one task and print JSON."""
    engine, task, folder, sql = sys.argv[1:]
    run = ENGINES[engine](folder, json.loads(sql))[task]
    began = cpu()
    check = run()
    print(json.dumps({"cpu": round(cpu() - began, 3), "check": [int(value) for value in check]}))


if __name__ == "__main__":
    main()
