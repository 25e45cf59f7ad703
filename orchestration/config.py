"""Keep settings in a home, checked as they are when a build begins."""

from __future__ import annotations

from pathlib import Path

import duckdb
import yaml
from pydantic import ValidationError

from ingest.settings import IllegalSetting, as_value
from orchestration.legal import refusal
from orchestration.lock import build_lock
from orchestration.settings import (
    KEPT_FILE,
    OF_ROOMS,
    Settings,
    SettingsError,
    kept_settings,
    known_name,
    project_dir,
    settings_in_force,
)


def keep(home: Path, name: str, value: str) -> str:
    """Keep a setting in a home; return its plain name.

    Raises:
        SettingsError: when there is no such setting, or a build or a load would refuse the value.
    """
    project = project_dir()
    name = known_name(name, project)
    if not value:
        raise SettingsError(f"{name} needs a value. To go back to the project's, say `footfall config unset {name}`.")
    _check(home, project, name, value)
    _write(home, {**kept_settings(home, project), name: value})
    return name


def forget(home: Path, name: str) -> str:
    """Keep a setting no longer; return its plain name.

    Raises:
        SettingsError: when the home does not keep it.
    """
    project = project_dir()
    name, kept = known_name(name, project), kept_settings(home, project)
    if name not in kept:
        raise SettingsError(f"{name} is not kept in {home}. `footfall config list` shows what is.")
    del kept[name]
    _write(home, kept)
    return name


def _write(home: Path, kept: dict[str, str]) -> None:
    with build_lock(home, "footfall config"):
        fresh = home / f".{KEPT_FILE}.new"
        fresh.write_text(yaml.safe_dump(kept, allow_unicode=True))
        fresh.replace(home / KEPT_FILE)


def _check(home: Path, project: Path, name: str, value: str) -> None:
    """Raise SettingsError where the value is not legal beside the other settings in force."""
    in_force = {known: one.value for known, one in settings_in_force(home, project).items()}
    of_room = next((each for each in OF_ROOMS if name in each.model_fields), None)
    if of_room:
        try:
            of_room.model_validate({name: value})
        except IllegalSetting as error:
            raise SettingsError(str(error).replace(f"FOOTFALL_{name.upper()}", name).split(" Change or")[0]) from None
    elif name == "memory_limit":
        try:
            duckdb.connect().execute("set memory_limit = $1", [value])
        except duckdb.Error as error:
            raise SettingsError(f"{name} is {value!r}: {error}") from None
    elif name in Settings.model_fields:
        try:
            Settings.model_validate({name: value})
        except ValidationError as error:
            raise SettingsError(f"{name} is {value!r}: {error.errors()[0]['msg']}.") from None
    else:
        if refused := refusal(in_force | {name: as_value(value)}):
            raise SettingsError(refused[1])
