"""`footfall ask` as people run it."""

import json

import pytest
import typer
from typer.testing import CliRunner

from orchestration.cli.ask import ask
from tests.serving.ask.data import database, event


@pytest.fixture
def run(monkeypatch):
    application = typer.Typer()
    application.command()(ask)
    published = database([event("open", "2024-01-01T09:00:00", "u1")])
    monkeypatch.setattr("serving.reader.connect", lambda home: published)
    return lambda *words, **more: CliRunner().invoke(application, list(words), **more)


QUESTION = '{"kind": "active_users"}'


def test_a_file_a_text_and_standard_input_are_the_same_question(run, tmp_path):
    (tmp_path / "spec.json").write_text(QUESTION)
    answers = [
        run(str(tmp_path / "spec.json"), "--output", "csv"),
        run(QUESTION, "--output", "csv"),
        run("-", "--output", "csv", input=QUESTION),
    ]
    assert [answer.stdout for answer in answers] == ["period_start,users,is_complete\n2024-01-01,1,false\n"] * 3


def test_json_is_one_object(run):
    answer = json.loads(run(QUESTION, "--output", "json").stdout)
    assert (answer["as_of"], answer["rows"]) == ("2024-01-01T09:00:00", [["2024-01-01", 1, False]])


def test_the_table_ends_with_the_clock_of_the_data(run):
    assert run(QUESTION).stdout.splitlines()[-1] == "as of 2024-01-01T09:00:00 UTC"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ('{"kind": "active_usrs"}', "did you mean `active_users`?"),
        ('{"kind": ', "the question is no JSON: Expecting value in line 1, column 10"),
        ("nowhere.json", "The question 'nowhere.json' cannot be read"),
    ],
)
def test_a_wrong_question_ends_with_status_2_and_says_why(run, word, message):
    result = run(word)
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_a_publication_the_mend_is_named(tmp_path):
    application = typer.Typer()
    application.command()(ask)
    result = CliRunner().invoke(application, [QUESTION, "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "Run `footfall build` first" in result.stderr


def test_the_schema_is_printed(run):
    assert "ActiveUsers" in json.loads(run("--schema").stdout)["$defs"]


@pytest.mark.parametrize("words", [(), ("--home", "~/x")])
def test_a_tilde_in_the_home_is_the_folder_of_the_user(words, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FOOTFALL_HOME", "~/x")
    application = typer.Typer()
    application.command()(ask)
    done = CliRunner().invoke(application, [QUESTION, *words])
    assert done.exit_code == 1 and f"Nothing is published in {tmp_path / 'x'}." in done.output
