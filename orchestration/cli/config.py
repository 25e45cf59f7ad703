"""`footfall config`: the settings that a home keeps."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from orchestration.cli.console import console, value_text

config_app = typer.Typer(help="List, set and unset the settings that a home keeps.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name of the setting, such as reporting_timezone.", show_default=False)]


@config_app.command("list")
def list_settings(as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False) -> None:
    """List every setting: its value, and whether the environment, the home or the project says so."""
    from rich.table import Table

    from orchestration.settings import home, project_dir, settings_in_force

    found = settings_in_force(home(), project_dir())
    if as_json:
        print(json.dumps({name: {"value": one.value, "source": one.source} for name, one in found.items()}, indent=2))
        return
    table = Table("setting", "value", "from", box=None, pad_edge=False, header_style="bold")
    for name, one in found.items():
        table.add_row(name, value_text(one.value), one.source)
    console.print(table)


@config_app.command("set")
def set_setting(
    name: Name, value: Annotated[str, typer.Argument(help="Its value, as in the environment.", show_default=False)]
) -> None:
    """Keep a setting in the home, checked as a build checks it; the next `footfall build` uses it."""
    from orchestration.config import keep
    from orchestration.settings import home, project_dir, settings_in_force

    folder = home()
    name = keep(folder, name, value)
    console.print(f"{name} is {value} in {folder}. The next `footfall build` uses it.")
    if (now := settings_in_force(folder, project_dir())[name]).source == "environment":
        console.print(f"But here FOOTFALL_{name.upper()} says {value_text(now.value)}, which comes first.")


@config_app.command("unset")
def unset_setting(name: Name) -> None:
    """Keep a setting in the home no longer; the project's value holds again."""
    from orchestration.config import forget
    from orchestration.settings import home, project_dir, settings_in_force

    folder = home()
    name = forget(folder, name)
    now = settings_in_force(folder, project_dir())[name]
    console.print(f"{name} is no longer kept in {folder}. It is {value_text(now.value)}, by the {now.source}.")
