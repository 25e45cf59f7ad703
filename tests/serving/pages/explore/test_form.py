"""A form holds every question there is, and gives back the same one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.ask import read_question
from serving.ask.kinds import KINDS
from serving.ask.vocabulary import AskError
from serving.dashboards import begin, read_library
from serving.figures import FigureError
from serving.pages.explore import suggestion
from serving.pages.explore.answer import starting, title_of_question
from serving.pages.explore.form import MAIN, Field, Form, done, form_of, tree_of, tree_of_pairs
from serving.pages.explore.keep import Keeper, with_figure
from tests.serving.ask.test_errors import WRONG
from tests.serving.pages.explore.homes import HOSTILE, QUESTIONS
from tests.serving.report.homes import REPOSITORY


def pairs(form: Form) -> list[tuple[str, str]]:
    """What a browser sends of a form: the values of its inputs by their names."""
    found: list[tuple[str, str]] = []

    def add(one: Field) -> None:
        parts = {"condition": ("key", "op", "value"), "criteria": ("how", "many")}.get(one.widget)
        if parts:
            found.extend((f"{one.name}.{part}", value) for part, value in zip(parts, one.values, strict=True))
        elif one.widget == "added":
            found.extend((f"{one.name}.on", value) for value in one.values)
        elif one.widget == "choices":
            found.extend((one.name, value) for value in one.values)
        elif one.widget == "flag":
            found.extend((one.name, value) for value in ["0", *(["1"] if one.value == "1" else [])])
        elif one.widget not in ("list", "row", "where", "part"):
            found.append((one.name, one.value))
        for inner in [*one.fields, *one.rows]:
            add(inner)

    for top in form.fields:
        add(top)
    return found


def round_trip(question: dict[str, Any]) -> dict[str, Any]:
    kind = question["kind"]
    form = form_of(kind, tree_of(kind, question, {}), {})
    again = form_of(kind, tree_of_pairs(pairs(form)), {})
    assert again.question == form.question
    return again.question


def written_out(value: Any) -> Any:
    """`{"eq": x}` has a short form, which is x."""
    if isinstance(value, dict) and [*value] == ["eq"]:
        return written_out(value["eq"])
    if isinstance(value, dict):
        return {key: written_out(each) for key, each in value.items()}
    return [written_out(each) for each in value] if isinstance(value, list) else value


def meaning(question: Any) -> Any:
    try:
        return written_out(read_question(question).model_dump(mode="json"))
    except AskError as error:
        # what holds anyway is left out, so that a sentence may show less of what was given
        return {
            (fault.place, fault.sentence.split("` is ")[0], fault.sentence.split(": ")[-1]) for fault in error.faults
        }


def test_each_kind_has_all_its_keys_as_fields() -> None:
    assert MAIN.keys() == KINDS.keys()
    for kind, model in KINDS.items():
        form = form_of(kind, {}, {})
        keys = [one.place[0] for one in form.fields]
        assert sorted(keys) == sorted({f.alias or name for name, f in model.model_fields.items()} - {"kind"})
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("question", QUESTIONS, ids=json.dumps)
def test_a_question_stays_what_it_is(question: dict[str, Any]) -> None:
    assert meaning(round_trip(question)) == meaning(question)


WRONG_OF_A_KIND = [question for question, _ in WRONG if isinstance(question, dict) and question.get("kind") in KINDS]


@pytest.mark.parametrize("question", WRONG_OF_A_KIND, ids=repr)
def test_a_wrong_question_keeps_its_faults(question: dict[str, Any]) -> None:
    if "nan" not in repr(question):
        assert meaning(round_trip(question)) == meaning(question)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(),
    st.sampled_from(["true", "null", "10", "1e3", '"', "a, b", " x", "", "*", "NaN", "a\nb", HOSTILE]),
)  # fmt: skip
tests = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.sampled_from(["eq", "ne", "gt", "lte"]), scalars, min_size=1),
    st.dictionaries(st.sampled_from(["contains", "regex"]), st.text(), min_size=1),
    st.dictionaries(st.sampled_from(["in", "not_in"]), st.lists(scalars, max_size=3), min_size=1),
    st.fixed_dictionaries({"is_set": st.booleans()}),
)
wheres = st.dictionaries(st.one_of(st.text(max_size=8), st.just("plan")), tests, max_size=3)
events = st.fixed_dictionaries(
    {}, optional={"event_name": st.one_of(st.none(), st.text(), st.just("*")), "where": wheres}
)
steps = st.builds(
    lambda event, more: {**event, **more},
    events,
    st.fixed_dictionaries(
        {}, optional={"optional": st.booleans(), "name": scalars, "occurrence": st.just("first_ever")}
    ),
)
questions = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("funnel"), "steps": st.lists(steps, max_size=3)},
        optional={
            "where": wheres,
            "conversion_window_seconds": scalars,
            "histogram": st.none() | st.just({"from_step": 1, "to_step": 2}),
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.just("trends"), "series": st.dictionaries(st.text(max_size=4), events, max_size=3)},
        optional={"formula": scalars, "top": scalars, "odd": scalars},
    ),
    st.fixed_dictionaries(
        {"kind": st.just("conversions"), "event": events},
        optional={"from": st.one_of(events, st.just("first_seen"), scalars)},
    ),
    st.fixed_dictionaries(
        {"kind": st.just("stickiness")},
        optional={
            "event": st.one_of(st.none(), events),
            "criteria": st.one_of(st.just(["lte", 3]), st.lists(scalars, max_size=2)),
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.just("sessions")},
        optional={"distribution": st.lists(st.integers(), max_size=3), "events": st.lists(events, max_size=2)},
    ),
)


@settings(max_examples=300)
@given(questions)
def test_any_question_stays_what_it_is(question: dict[str, Any]) -> None:
    assert meaning(round_trip(question)) == meaning(question)


def test_rows_are_added_moved_and_taken_away() -> None:
    tree = tree_of("funnel", {"steps": [{"event_name": name} for name in "abc"]}, {})

    def names() -> list[str]:
        question = form_of("funnel", tree, {}).question
        return [step.get("event_name", "") for step in question["steps"]]

    assert done(tree, "up:steps.2") == "steps.1:up" and names() == ["a", "c", "b"]
    assert done(tree, "down:steps.0") == "steps.1:down" and names() == ["c", "a", "b"]
    assert done(tree, "drop:steps.1") == "steps.2" and names() == ["c", "b"]
    assert done(tree, "add:steps") == "steps.3" and names() == ["c", "b", ""]
    assert done(tree, "set:steps.3.event_name=x=y") == "steps.3.event_name" and names() == ["c", "b", "x=y"]
    assert done(tree, "add:steps.0.where") == "steps.0.where.0"
    assert done(tree, "on:histogram") == "histogram"
    assert form_of("funnel", tree, {}).question["histogram"] == {}
    assert done(tree, "off:histogram") == "histogram" and "histogram" not in form_of("funnel", tree, {}).question


@pytest.mark.parametrize(
    ("text", "seconds"), [("14 d", 1_209_600), ("90min", 5400), ("2 h", 7200), ("45", 45), ("soon", "soon")]
)
def test_lengths_are_written_as_people_write_them(text: str, seconds: object) -> None:
    form = form_of("funnel", {"conversion_window_seconds": [text]}, {})
    assert form.question.get("conversion_window_seconds", 1_209_600) == seconds


def test_a_condition_without_a_value_and_one_twice_are_told_beside_it() -> None:
    row = {"key": ["plan"], "op": ["eq"], "value": ["pro"]}
    form = form_of(
        "lifecycle", {"where": {"0": row, "1": {**row, "value": ["team"]}, "2": {"key": ["a"], "value": [""]}}}, {}
    )
    where = next(one for one in form.fields if one.widget == "where")
    assert "tested twice" in where.rows[0].faults[0] and "Say which value of `a`" in where.rows[2].faults[0]


def test_a_fault_suggests_what_may_be_taken() -> None:
    assert suggestion("No event is named `purchas`; did you mean `purchase`?") == "purchase"
    assert suggestion("No event is named `purchas`.") == ""


def test_a_title_says_what_is_seen() -> None:
    titles = [title_of_question(question) for question in QUESTIONS]
    assert all(3 <= len(title) < 200 for title in titles)
    assert "From page_view to purchase, by week" in titles and "Who comes back, by week" in titles
    assert callable(starting)


BLOCK = """title: Mine
# mine
about: x
owner: {name: Me}
figures:
  - {figure: headline, width: 12}  # wide
  - active_persons
place: 3
"""


@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        BLOCK.replace("  - ", "- "),
        BLOCK.replace("place: 3\n", ""),
        BLOCK.replace("place: 3\n", "").rstrip(),
        "title: Mine\nabout: x\nowner: {name: Me}\nfigures: [headline, {figure: apps}]\n",
        "title: Mine\nabout: x\nowner: {name: Me}\nfigures:\n  - figure: headline\n    width: 12\n\n# the end\n",
        BLOCK.replace("\n", "\r\n"),
    ],
)
def test_a_figure_is_put_at_the_end_of_a_list_and_nothing_else_changes(text: str) -> None:
    made = with_figure(text, "{figure: fresh, width: 6}")
    assert yaml.safe_load(made)["figures"][-1] == {"figure": "fresh", "width": 6}
    at = next(n for n in range(len(made)) if made[:n] + made[n + len(made) - len(text) :] == text)
    assert "fresh" in made[at : at + len(made) - len(text)]


def test_what_is_kept_can_be_undone_unless_somebody_changed_it_since(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    question = {
        "kind": "trends",
        "series": {"A": {"event_name": "$pageview"}},
        "date_from": "2025-05-01",
        "app": "shop",
    }
    token = keeper.keep(read_library(REPOSITORY, tmp_path), question, f"Views {HOSTILE}", "My own", follows=False)
    library = read_library(REPOSITORY, tmp_path)
    kept = keeper.find(token)
    assert kept is not None and library.dashboards["my_own"].title == "My own"
    figure = library.figures[kept.figure]
    assert figure.question is not None
    assert (figure.question["date_from"], figure.question["date_to"]) == ("2025-05-01", None)
    assert figure.question["series"]["A"]["event_name"] == "$$pageview" and HOSTILE in figure.title
    again = keeper.keep(library, question, "Views", "my_own", follows=True)
    followed = read_library(REPOSITORY, tmp_path).figures["views"].question
    assert followed is not None and followed.keys() == {"kind", "series"}
    keeper.undo(again)
    assert "views" not in read_library(REPOSITORY, tmp_path).figures
    path = tmp_path / "dashboards" / "my_own.yml"
    path.write_text(path.read_text() + "place: 7\n")
    with pytest.raises(FigureError, match="was changed since"):
        keeper.undo(token)
    with pytest.raises(FigureError, match="undone already"):
        keeper.undo(again)


@pytest.mark.parametrize(
    ("title", "dashboard", "said"),
    [
        ("ab", "Mine", "three letters"),
        ("Views", " ", "which dashboard"),
        ("Views", "overview", "Footfall's own"),
        ("Views", "***", "cannot be called"),
    ],
)
def test_what_cannot_be_kept_leaves_nothing_behind(tmp_path: Path, title: str, dashboard: str, said: str) -> None:
    with pytest.raises(FigureError, match=said):
        Keeper(tmp_path).keep(read_library(REPOSITORY), {"kind": "lifecycle"}, title, dashboard, follows=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_dashboard_that_cannot_be_added_to_is_left_as_it_was(tmp_path: Path) -> None:
    path = begin(tmp_path, "odd")
    path.write_text("title: Odd\nabout: x\nowner: {name: Me}\nfigures: &all [headline]\n")
    before = path.read_bytes()
    keeper = Keeper(tmp_path)
    keeper.keep(read_library(REPOSITORY, tmp_path), {"kind": "lifecycle"}, "Life", "odd", follows=True)
    assert yaml.safe_load(path.read_text())["figures"] == ["headline", {"figure": "life", "width": 6}]
    path.write_bytes(before.replace(b"[headline]", b"[no_such]"))
    with pytest.raises(FigureError, match="no_such"):
        read_library(REPOSITORY, tmp_path)
