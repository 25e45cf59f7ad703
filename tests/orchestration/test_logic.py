"""A model is built anew when anything changes that it is computed by, and by nothing else that lies in macros/."""

import json
from pathlib import Path

import pytest

from orchestration.logic import logic_of

MACROS = """
{#- A day. -#}
{% macro day_of(moment) -%} cast({{ shifted(moment) }} as date) {%- endmacro %}
{%- macro shifted(moment) -%} {{ moment }} + {{ setting('shift_hours') }} {%- endmacro -%}
{% macro unused() -%} {{ setting("unused") }} {%- endmacro %}
"""
MODEL = "select {{ day_of('occurred_at') }} as day from events where {{ setting( 'kept' ) }}"


def logic(folder: Path, macros: str = MACROS, code: str = MODEL) -> dict[str, object]:
    (folder / "macros" / "days").mkdir(parents=True, exist_ok=True)
    file = folder / "macros" / "days" / f"{len(list((folder / 'macros' / 'days').iterdir()))}.sql"
    for other in (folder / "macros" / "days").iterdir():
        other.write_text("")
    file.write_text(macros)
    return json.loads(logic_of(code, folder))


def test_the_settings_of_all_that_a_model_calls_are_its_own(tmp_path: Path) -> None:
    assert logic(tmp_path)["settings"] == ["kept", "shift_hours"]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [("cast(", "try_cast(", True), ("moment }} +", "moment }} -", True), ("unused()", "unused(x)", False)],
)
def test_a_macro_counts_where_it_is_called_directly_or_not(
    tmp_path: Path, before: str, after: str, changes: bool
) -> None:
    assert MACROS.count(before) == 1
    assert (logic(tmp_path)["digest"] != logic(tmp_path, MACROS.replace(before, after))["digest"]) == changes


def test_the_code_of_the_model_counts(tmp_path: Path) -> None:
    assert logic(tmp_path)["digest"] != logic(tmp_path, code=MODEL + " limit 1")["digest"]
