"""Without a wave an answer is of the month in which the person was asked."""

from typing import Any

import duckdb
import pytest

from tests.end_to_end.faults.files import ndjson


def said(survey: str, number: int, at: str, score: int | None = None, **properties: Any) -> dict[str, Any]:
    """Somebody is asked, or answers, in an app of the survey's."""
    return {
        "app": f"survey_rounds_{survey}",
        "event_id": f"{survey}{number}",
        "event_name": f"{survey}_sent" if score is None else f"{survey}_answered",
        "occurred_at": f"2015-{at}Z",
        "user_id": f"sr_{survey}",
        "properties": properties if score is None else {"score": score, **properties},
    }


FILES = [
    ndjson(
        "survey_rounds.ndjson",
        *(
            event
            for survey, score in (("nps", 10), ("csat", 5), ("ces", 7))
            for event in (
                said(survey, 1, "03-31T23:00:00"),
                said(survey, 2, "04-01T09:00:00", score),
                # the data go on until nobody can answer for March any more
                said(survey, 3, "07-01T09:00:00", wave="July"),
            )
        ),
    )
]


@pytest.mark.parametrize(("survey", "score"), [("nps", 100), ("csat", 1), ("ces", 7)])
def test_who_is_asked_in_march_and_answers_in_april_answers_for_march(
    survey: str, score: int, built: duckdb.DuckDBPyConnection
) -> None:
    months = built.execute(
        f"select period_start::varchar, asked, answered, response_rate, answers, unasked_answers, {survey}, is_complete"
        f" from fct_{survey} where segment = 'app' and segment_value = $1 and period = 'month'"
        " and period_start < '2015-05-01' order by 1",
        [f"survey_rounds_{survey}"],
    ).fetchall()
    assert months == [
        ("2015-03-01", 1, 1, 1.0, 1, 0, score, True),
        ("2015-04-01", 0, 0, None, 0, 0, None, True),
    ]
    headline = built.execute(
        "select period_start::varchar, metric_value from metric_survey_response_rate"
        " where segment = 'app' and segment_value = $1 and period_start = '2015-03-01'",
        [f"survey_rounds_{survey}"],
    ).fetchall()
    assert headline == [("2015-03-01", 1.0)]
