"""A drawing fits every answer that there can be, and an answer's rows are those of `ask`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from serving.ask import ask
from serving.ask.kinds import KINDS
from serving.drawing.html import environment, view
from serving.figures import FigureError, Source, fill, open_source
from serving.figures.figure import Drawing, Figure, read_figure
from serving.figures.fitting import FITTING
from tests.serving.pages.explore.homes import HOSTILE, QUESTIONS, publish_events


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    found = open_source(publish_events(tmp_path_factory.mktemp("explore") / "home"))
    yield found
    found.connection.close()


def figure_of(question: dict[str, Any]) -> Figure:
    said = {"title": "A question", "question": question, "definition": "As asked.", "empty": "Nothing like it yet."}
    return Figure.model_validate({"name": "asked", **said})


def test_every_kind_has_its_drawing() -> None:
    assert FITTING.keys() == KINDS.keys()
    drawn = {question["kind"] for question in QUESTIONS}
    assert drawn == KINDS.keys()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: json.dumps(one)[9:60])
def test_the_fitting_drawing_draws_the_rows_of_ask(source: Source, question: dict[str, Any]) -> None:
    escaped = json.loads(json.dumps(question))
    filled = fill(figure_of(escaped), source, source.filters())
    assert filled.empty is None and filled.rows
    assert filled.figure.draw.kind in {
        get_args(one.model_fields["kind"].annotation)[0] for one in get_args(get_args(Drawing)[0])
    }
    asked = {**question, **{key: filled.question[key] for key in ("date_from", "date_to")}}  # type: ignore[index]
    answer = ask(source.connection, asked, source.settings)
    assert filled.columns == answer.columns
    shown = view(filled, source)
    raw = [[_raw(value) for value in row] for row in answer.rows]
    assert [[cell.raw for cell in row] for row in shown.cells] == raw[: len(shown.cells)]
    page = (
        environment()
        .from_string("{% import 'drawing/figure.html.jinja' as f %}{{ f.figure(view, 12) }}")
        .render(view=shown)
    )
    assert HOSTILE not in page and "<script>alert" not in page


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: json.dumps(one)[9:60])
def test_the_period_before_is_spoken_of_where_it_is_shown(source: Source, question: dict[str, Any]) -> None:
    open_ended = {key: value for key, value in question.items() if key not in ("date_from", "date_to")}
    filters = replace(source.filters(), date_from=date(2025, 5, 1), date_to=date(2025, 5, 20), compare=True)
    filled = fill(figure_of(json.loads(json.dumps(open_ended))), source, filters)
    shown = view(filled, source)
    changes = [*shown.body.get("changes", []), *(row.get("change") for row in shown.body.get("rows", []))]
    assert any("the period before" in note for note in shown.notes) == (bool(shown.spec) or any(changes))


def test_a_list_that_ends_at_its_top_is_told_from_a_whole_one(source: Source) -> None:
    links: dict[str, Any] = {"kind": "paths", "max_steps": 3}
    asked = (links, {**links, "whole": True, "top": 1})
    assert [fill(figure_of(one), source, source.filters()).is_cut for one in asked] == [False, True]


def _raw(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_a_kept_question_needs_no_drawing_and_may_name_what_begins_with_a_dollar(
    tmp_path: Path, source: Source
) -> None:
    path = tmp_path / "kept.yml"
    path.write_text(
        "title: Views\ndefinition: Views of pages.\nempty: No view of a page yet.\n"
        "question: {kind: trends, series: {A: {event_name: $$pageview}}, app: $app}\n"
    )
    figure = read_figure(path)
    assert figure.draw.kind == "lines" and figure.parameters == {"app"}
    filled = fill(figure, source, source.filters())
    assert filled.question is not None and filled.question["series"] == {"A": {"event_name": "$pageview"}}
    assert filled.warnings and "$pageview" in " ".join(view(filled, source).notes)


@pytest.mark.parametrize(
    "question",
    [
        "{kind: trends, series: [a]}",
        "{kind: trends, series: {A: null}}",
        "{kind: trends, series: a long name}",
        "{kind: [a]}",
        "{kind: {a: b}}",
        "{kind: attribution, value: 2026-02-30}",
    ],
)
def test_an_odd_question_is_the_fault_of_its_file(tmp_path: Path, question: str) -> None:
    path = tmp_path / "odd.yml"
    path.write_text(f"title: Odd\ndefinition: Odd.\nempty: Nothing like it yet.\nquestion: {question}\n")
    with pytest.raises(FigureError, match=r"odd\.yml"):
        read_figure(path)


def test_an_unknown_kind_is_refused_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "odd.yml"
    path.write_text("title: Odd\ndefinition: Odd.\nempty: Nothing like it yet.\nquestion: {kind: oracle}\n")
    with pytest.raises(FigureError, match="no drawing fits a question of the kind 'oracle'"):
        read_figure(path)
