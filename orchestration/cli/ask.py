"""`footfall ask`: one question, answered from what is published."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestration.cli.console import console, refusing, setting_text, value_text

if TYPE_CHECKING:
    from serving.ask import Answer


def ask(
    spec: Annotated[
        str | None, typer.Argument(help="A file with the question as JSON, the JSON itself, or - for standard input.")
    ] = None,
    output: Annotated[Literal["table", "json", "csv"], typer.Option(help="How the answer is written.")] = "table",
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the vocabulary instead.")] = False,
    names: Annotated[
        bool, typer.Option("--names", help="List the apps, events and properties that a question can name instead.")
    ] = False,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Answer also where no event has a name of the question.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option(help="Write the answer into this file instead: .csv, .parquet or .xlsx.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file of that name.")] = False,
    home: Annotated[Path | None, typer.Option(help="The home to read; FOOTFALL_HOME, else ./.footfall.")] = None,
) -> None:
    """Answer one question from the published events.

    Exits with status 2 and one line for each fault where the question is wrong, with 1 where nothing is published.
    """
    from orchestration.settings import home as enter
    from serving.ask import AskError, joined_keys, known_names, question_schema
    from serving.ask import ask as answer_question
    from serving.export import ExportError, export_rows, format_of
    from serving.reader import connect

    if schema:
        typer.echo(json.dumps(question_schema(), indent=2))
        return
    with refusing(AskError, ExportError):
        if to:
            format_of(to)
        question = None if names else _read(spec)
        folder = enter(home and home.expanduser())
        connection = connect(folder)
        if names:
            _print_names(*known_names(connection))
            if keys := joined_keys(connection):
                typer.echo(f"And by the person, account and session of an event: {', '.join(keys)}")
            return
        settings = _settings_of_publication(folder)
        answer = answer_question(connection, question, settings, allow_unknown=allow_unknown)
        if to:
            rows = export_rows(answer.columns, answer.types, answer.rows, to.expanduser(), replace=replace)
    if to:
        for warning in answer.warnings:
            typer.echo(warning, err=True)
        console.print(f"Wrote {to.expanduser()}: {rows:,} rows.")
    elif output == "json":
        typer.echo(answer.as_json())
    elif output == "csv":
        for warning in answer.warnings:
            typer.echo(warning, err=True)
        sys.stdout.write(answer.as_csv())
    else:
        _print_table(answer, str((settings or {}).get("reporting_currency", "USD")))


def _settings_of_publication(home: Path) -> dict[str, object] | None:
    """The settings that the publication was built with; it is said where a build would use others now."""
    from orchestration.settings import changed_settings, project_dir
    from serving.publications import current_publication, read_catalog

    publication = current_publication(home)
    if publication is None:
        return None
    built_with: dict[str, object] = read_catalog(publication)["inputs"].get("settings", {})
    for changed in changed_settings(built_with, home, project_dir()):
        typer.echo(
            f"{setting_text(changed)}; this answers by {value_text(changed['before'])}, as was published.", err=True
        )
    return built_with


def _read(spec: str | None) -> object:
    from serving.ask import AskError

    if spec is None:
        raise AskError("No question was given: name a JSON file, write the JSON itself, or - to read standard input.")
    if spec == "-":
        text, source = sys.stdin.read(), "standard input"
    elif spec.lstrip().startswith("{"):
        text, source = spec, "the question"
    else:
        try:
            text, source = Path(spec).read_text(encoding="utf-8-sig"), spec
        except (OSError, UnicodeDecodeError) as error:
            raise AskError(f"The question {spec!r} cannot be read: {error}.") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise AskError(f"{source} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error


def _print_names(columns: list[str], rows: list[tuple[object, ...]]) -> None:
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(", ".join(value) if isinstance(value, list) else _cell(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    """Return a value as people read it: thousands apart, and no more than six digits that say something."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100_000 else f"{value:,.6g}"
    return str(value)


def _print_table(answer: Answer, currency: str) -> None:
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from orchestration.cli.answers import as_read

    read = as_read(answer, currency, console.width)
    table = Table()
    for heading, is_number in read.columns:
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in read.rows:
        table.add_row(*row)
    console.print(table)
    for said in (*read.notes, *answer.warnings):
        typer.echo(said)
    if answer.as_of is None:
        typer.echo("There is no activity yet.")
        return
    clock = datetime.fromisoformat(answer.as_of).replace(tzinfo=UTC).astimezone(ZoneInfo(answer.timezone))
    typer.echo(f"as of {clock.replace(tzinfo=None).isoformat()} {answer.timezone}")
