"""Surveys against plain counting: random askings and answers, in every state of repair; intervals by statsmodels."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

import ingest
from tests.end_to_end.dbt_project import build_models, run_dbt

MODELS = {
    "int_period_days": "intermediate",
    "int_clock_periods": "intermediate",
    "int_survey_answers": "intermediate",
    "int_survey_days": "intermediate",
    "int_survey_scores": "intermediate",
    "fct_nps": "marts/feedback",
    "fct_csat": "marts/feedback",
    "fct_ces": "marts/feedback",
}
LAST = datetime(2025, 4, 20, 12)
DAY = timedelta(days=1)
SCALES = {"nps": range(11), "csat": range(1, 6), "ces": range(1, 8)}
COUNTRIES = {"p0": "DE", "p1": "FR"}
SEGMENTS = {"p0": (date(2025, 1, 20), "NEW", "ACTIVE"), "p1": (date(2025, 2, 1), "NEW", "CHURNED")}


@dataclass(frozen=True)
class Said:
    """An asking or an answer, as sent."""

    event_id: str
    device: int | None
    app: str
    survey: str | None
    wave: str | None
    score: float | None
    is_answer: bool
    at: datetime

    @property
    def person(self) -> str | None:
        """Two devices are one person's."""
        return None if self.device is None else f"p{self.device % 3}"

    @property
    def is_usable(self) -> bool:
        return self.is_answer and self.survey in SCALES and self.score in SCALES[self.survey]


@dataclass
class Participation:
    """What one person did in one wave of one survey of one app."""

    person: str | None
    app: str
    survey: str | None
    wave: str
    asked: datetime | None
    answer: Said | None
    is_in_time: bool
    counted: datetime

    @property
    def outcome(self) -> str:
        if self.survey not in SCALES:
            return "unknown_survey"
        if self.person is None:
            return "nobody"
        if self.answer is None:
            return "not_answered"
        if self.answer.is_usable:
            return "counted"
        return "score_missing" if self.answer.score is None else "score_off_scale"

    def segments(self) -> list[tuple[str, str]]:
        first = (self.asked or (self.answer and self.answer.at) or LAST).date()
        since, before, after = SEGMENTS.get(self.person or "", (None, "unknown", "unknown"))
        segment = before if since is None or first < since else after
        country = COUNTRIES.get(self.person or "", "unknown")
        return [("all", "all"), ("app", self.app), ("country", country), ("person_segment", segment)]


def asking_of(answer: Said, said: list[Said]) -> Said | None:
    """The last time that the person was asked, at most 30 days before."""
    askings = [
        event
        for event in said
        if not event.is_answer
        and (event.person, event.app, event.survey) == (answer.person, answer.app, answer.survey)
        and answer.at - 30 * DAY <= event.at <= answer.at
    ]
    return max(askings, key=lambda event: (event.at, event.event_id), default=None)


def round_of(event: Said, said: list[Said]) -> tuple[str, datetime]:
    """The wave of an event, and when it counts: without a wave an answer is of the asking's."""
    if event.wave or not event.is_answer or event.person is None:
        return event.wave or f"{event.at:%Y-%m}", event.at
    asking = asking_of(event, said) or event
    return asking.wave or f"{asking.at:%Y-%m}", asking.at


def participations(said: list[Said]) -> list[Participation]:
    """The oracle: goes through the events one by one."""
    found: dict[Any, list[Said]] = {}
    for event in said:
        if event.person is not None or event.is_answer:
            who, wave = event.person or event.event_id, round_of(event, said)[0]
            found.setdefault((who, event.person is None, event.app, event.survey, wave), []).append(event)
    rows = []
    for events in found.values():
        events.sort(key=lambda event: (event.at, event.event_id))
        asked = next((event.at for event in events if not event.is_answer), None)
        answer, in_time = None, False
        for event in events:
            if event.is_answer and (event.is_usable or answer is None or not answer.is_usable):
                answer = event
            if event.is_usable and asked is not None and event.at - asked <= 30 * DAY:
                in_time = True
        first = events[0]
        wave, _ = round_of(first, said)
        counted = round_of(answer, said)[1] if answer else first.at
        rows.append(Participation(first.person, first.app, first.survey, wave, asked, answer, in_time, counted))
    return rows


def expected_scores(said: list[Said], survey: str) -> dict[Any, dict[str, Any]]:
    """Counts and scores by period, wave or month, segment and value."""
    cells: dict[Any, dict[str, Any]] = {}

    def cell(row: Participation, at: datetime, segment: tuple[str, str]) -> Iterator[dict[str, Any]]:
        for period in (("wave", row.wave), ("month", f"{at:%Y-%m}")):
            yield cells.setdefault((*period, *segment), {"counts": Counter(), "scores": []})

    for row in participations(said):
        if row.survey != survey:
            continue
        for segment in row.segments():
            if row.asked:
                for found in cell(row, row.asked, segment):
                    found["counts"]["asked"] += 1
                    found["counts"]["answered"] += row.is_in_time
            if row.answer:
                for found in cell(row, row.counted, segment):
                    counted = row.outcome == "counted"
                    found["counts"]["unasked"] += counted and row.asked is None
                    found["counts"]["unusable"] += not counted
                    found["scores"] += [int(row.answer.score or 0)] if counted else []
    return cells


def interval(survey: str, scores: list[int]) -> tuple[float | None, float | None, float | None]:
    """Score and its interval by statsmodels."""
    if not scores:
        return None, None, None
    if survey == "csat":
        satisfied = sum(score >= 4 for score in scores)
        return (satisfied / len(scores), *proportion_confint(satisfied, len(scores), 0.05, method="wilson"))
    votes = [100 * ((s >= 9) - (s <= 6)) for s in scores] if survey == "nps" else scores
    lowest, highest = (-100, 100) if survey == "nps" else (1, 7)
    mean = float(np.mean(votes))
    if len(votes) == 1:
        return mean, None, None
    low, high = DescrStatsW(votes).zconfint_mean(alpha=0.05)
    return mean, max(low, lowest), min(high, highest)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The compiled models as views over tables that each example fills."""
    home = tmp_path_factory.mktemp("surveys")
    (home / "landing" / "batches").mkdir(parents=True)
    run_dbt(home, "seed")
    run_dbt(home, "compile", "--select", *MODELS)
    connection = duckdb.connect()
    connection.execute(
        """
        create table int_survey_events (
            event_id varchar, identity_key ubigint, app varchar, survey varchar, wave varchar, score double, is_answer boolean,
            occurred_at timestamp, event_date date, comment varchar, unreadable_score varchar
        );
        create table int_identities as select i::ubigint as identity_key, 'p' || i % 3 as person_id from range(4) as r (i);
        create table int_person_origins (person_id varchar, country varchar, device_type varchar, channel varchar);
        create table int_person_segments (person_id varchar, segment varchar, valid_from_date date, valid_to_date date);
        create table int_money_events (effective_at timestamp, money_event varchar);
        create table int_channel_spend (spend_date date);
        """  # noqa: E501
    )
    for person, country in COUNTRIES.items():
        connection.execute("insert into int_person_origins values (?, ?, 'mobile', 'Direct')", [person, country])
    for person, (since, before, after) in SEGMENTS.items():
        connection.execute(
            "insert into int_person_segments values (?, ?, '2000-01-01', ?)", [person, before, since - DAY]
        )
        connection.execute("insert into int_person_segments values (?, ?, ?, null)", [person, after, since])
    connection.execute(
        "create table int_data_clocks as select unnest([null, 'shop', 'school']) as app,"
        " date '2024-12-01' as first_date, $1::date as last_date, $1::timestamp as known_until",
        [LAST],
    )
    for name, folder in MODELS.items():
        sql = (home / "target" / "compiled" / "footfall" / "models" / folder / f"{name}.sql").read_text()
        kind = "table" if name.startswith("int_") else "view"
        statement = f"create or replace {'view' if kind else kind} {name} as " + sql.replace('"warehouse"."main".', "")
        connection.execute(statement)
    return connection


events = st.builds(
    Said,
    event_id=st.text("abcdef", min_size=1, max_size=4),
    device=st.sampled_from([0, 0, 1, 2, 3, None]),
    app=st.sampled_from(["shop", "shop", "school"]),
    survey=st.sampled_from(["nps", "nps", "nps", "csat", "ces", "nasa", None]),
    wave=st.sampled_from(["w", "w", "v", None]),
    score=st.sampled_from([*map(float, range(-1, 13)), 9.0, 10.0, 4.0, 9.5, float("nan"), float("inf"), None]),
    is_answer=st.sampled_from([True, True, False]),
    at=st.sampled_from(
        [datetime(2025, 1, 1), datetime(2025, 1, 31, 23, 59, 59), datetime(2025, 2, 1), datetime(2025, 3, 2)]
    )
    | st.datetimes(datetime(2025, 1, 1), LAST),
)


def fill(warehouse: duckdb.DuckDBPyConnection, said: list[Said]) -> None:
    warehouse.execute("truncate int_survey_events")
    for e in said:
        fields = [e.event_id, e.device, e.app, e.survey, e.wave, e.score, e.is_answer, e.at, e.at.date()]
        warehouse.execute("insert into int_survey_events values (?, ?, ?, ?, ?, ?, ?, ?, ?, null, null)", fields)


JANUARY = datetime(2025, 1, 1)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, max_size=25, unique_by=lambda event: event.event_id))
@example(
    [
        Said("a", 0, "shop", "nps", "w", None, False, JANUARY),
        Said("b", 3, "shop", "nps", "w", 9.0, True, JANUARY + 30 * DAY),
        Said("c", 0, "shop", "nps", "w", 11.0, True, JANUARY + 40 * DAY),
    ]
)
def test_any_answers_are_counted_as_plain_counting_does(warehouse: duckdb.DuckDBPyConnection, said: list[Said]) -> None:
    fill(warehouse, said)
    outcomes = warehouse.execute(
        "select person_id, app, survey, wave, outcome, answer_id, score, is_asked, is_answered_in_time"
        " from int_survey_answers"
    ).fetchall()
    wanted = [
        (
            row.person,
            row.app,
            row.survey,
            row.wave,
            row.outcome,
            row.answer and row.answer.event_id,
            int(row.answer.score or 0) if row.answer and row.answer.is_usable else None,
            row.asked is not None,
            row.is_in_time,
        )
        for row in participations(said)
    ]
    assert Counter(outcomes) == Counter(wanted)
    for survey in SCALES:
        rows = warehouse.execute(
            "select period, coalesce(wave, strftime(period_start, '%Y-%m')), segment, segment_value, asked, answered,"
            f" unasked_answers, unusable_answers, answers, {survey}, {survey}_low, {survey}_high, response_rate"
            f" from fct_{survey} where segment in ('all', 'app', 'country', 'person_segment')"
        ).fetchall()
        expected = expected_scores(said, survey)
        found = {tuple(row[:4]): row[4:] for row in rows}
        assert len(found) == len(rows)
        assert expected.keys() <= found.keys()
        for key, (*counts, answers, score, low, high, rate) in found.items():
            cell = expected.get(key, {"counts": Counter(), "scores": []})
            names = ("asked", "answered", "unasked", "unusable")
            assert counts == [cell["counts"][name] for name in names], key
            assert answers == len(cell["scores"])
            assert rate == (counts[1] / counts[0] if counts[0] else None)
            for got, want in zip((score, low, high), interval(survey, cell["scores"]), strict=True):
                assert got == (None if want is None else pytest.approx(want, abs=1e-6))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SCALES)), st.lists(st.integers(0, 10), min_size=1, max_size=400))
def test_intervals_are_those_of_statsmodels(
    warehouse: duckdb.DuckDBPyConnection, survey: str, drawn: list[int]
) -> None:
    scale = SCALES[survey]
    scores = [scale[number % len(scale)] for number in drawn]
    sums = {
        "answers": len(scores),
        "score_sum": sum(scores),
        "score_square_sum": sum(score * score for score in scores),
        "nines_and_up": sum(score >= 9 for score in scores),
        "sixes_and_down": sum(score <= 6 for score in scores),
        "fours_and_up": sum(score >= 4 for score in scores),
    }
    view = warehouse.execute("select sql from duckdb_views() where view_name = ?", [f"fct_{survey}"]).fetchone()
    assert view is not None
    body = view[0].split(" AS ", 1)[1].rstrip(";")
    columns = ", ".join(f"{value}::bigint as {name}" for name, value in sums.items())
    given_scores = (
        f"(select '{survey}' as survey, 'wave' as period, 'w' as wave, date '2025-01-01' as period_start,"
        f" 'all' as segment, 'all' as segment_value, 0 as asked, 0 as answered, null as response_rate,"
        f" 0 as unasked_answers, 0 as unusable_answers, true as is_complete, true as is_response_complete, {columns})"
    )
    row = warehouse.execute(
        f"select {survey}, {survey}_low, {survey}_high from ({body.replace('int_survey_scores', given_scores)})"
    ).fetchone()
    for got, want in zip(row or (), interval(survey, scores), strict=True):
        assert got == (None if want is None else pytest.approx(want, abs=1e-6))


SECRET = "call me on 555-0100"
EVENTS = [
    {"event_name": "nps_submitted", "properties": {"wave": "w", "score": 9, "comment": SECRET}},
    {"event_name": "survey_answered", "properties": {"survey": "csat", "wave": "w", "score": "5", "comment": SECRET}},
]


def load_comments(home: Path) -> None:
    home.mkdir()
    file = home / "events.ndjson"
    file.write_text(
        "".join(
            json.dumps(
                {"event_id": f"e{n}", "user_id": "ada", "app": "shop", "occurred_at": "2025-01-02T10:00:00Z", **event}
            )
            + "\n"
            for n, event in enumerate(EVENTS)
        )
    )
    ingest.load([file], home)


def relations_with(home: Path, text: str) -> set[str]:
    """The relations of a warehouse in which a text can be read."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute("select table_name from information_schema.tables where table_schema = 'main'")
        return {
            name
            for (name,) in names.fetchall()
            if connection.execute(f"select count(*) from {name} as r where contains(r::varchar, ?)", [text]).fetchone()
            != (0,)
        }


def test_comments_are_in_no_mart_unless_personal_data_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", "comment=keep")
    load_comments(home)
    selected = ("--select", "+fct_survey_answers", "+events", "+fct_nps", "+fct_csat")
    build_models(home, *selected)
    assert relations_with(home, SECRET) == {"stg_events"}
    # a setting that is changed takes hold at the next build, in what is built incrementally too
    build_models(home, *selected, settings={"FOOTFALL_ALLOW_PII": "true"})
    allowed = {"stg_events", "events", "int_survey_events", "int_survey_answers", "fct_survey_answers"}
    assert relations_with(home, SECRET) == allowed
    build_models(home, *selected)
    assert relations_with(home, SECRET) == {"stg_events"}


def test_a_setting_of_personal_data_that_is_neither_on_nor_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="allow_pii"):
        run_dbt(tmp_path, "seed", settings={"FOOTFALL_ALLOW_PII": "perhaps"})
