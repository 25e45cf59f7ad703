"""Where a run reads and writes, and what its numbers mean: environment, home and project, read in one place."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from forwarding.settings import SECRETS, ForwardingSettings
from ingest.collector.settings import CollectorSettings
from ingest.settings import REPOSITORY, LoadSettings, as_value, project_folder
from ingest.values import values_version
from serving.settings import ApiSettings, PublishSettings

PROJECT_FOLDERS = ("models", "macros", "seeds", "snapshots", "profiles", "tests/dbt")
# what Python models import, wherever the project lies
FITS = REPOSITORY / "fits"


# what a machine, a developer or a test says for one run; everything else may be kept in a home
OF_ONE_RUN = (
    "home",
    "project_dir",
    "target",
    "debug",
    "events_per_gib",
    "preserve_order",
    "only_changed",
    "bench_python",
    "ask_examples",
    *SECRETS,
    # for applications that import footfall
    "url",
    "key",
    "read_key",
    "disabled",
    "privacy_key_file",
)
PREFIX = "FOOTFALL_"
# by which the product guides name some of the same settings
GUIDE_PREFIX = "ANALYTICS__"
GUIDE_NAMES = (
    "amplitude_api_key",
    "mixpanel_token",
    "enable_pii_tracking",
    "sandbox_mode",
    "batch_size",
    "flush_interval_seconds",
    "data_retention_days",
)
KEPT_FILE = "settings.yml"
# the variables that were taken from a home, so that the next one, or a child process, does not take them for said
FROM_HOME = "FOOTFALL_SETTINGS_OF_HOME"


# the settings of other rooms, which a home may keep too
OF_ROOMS = (LoadSettings, CollectorSettings, ForwardingSettings, ApiSettings, PublishSettings)


class SettingsError(Exception):
    """A setting is not legal, or the dbt project is not where it should be."""


class UnknownSettingError(SettingsError):
    """A setting has a name that nothing reads."""


@dataclass(frozen=True)
class InForce:
    """The value of a setting, and where it comes from: `environment`, `home`, `project` or `default`."""

    value: Any
    source: str


class Settings(BaseSettings):
    """The environment variables `FOOTFALL_*` that steer Footfall itself; dbt_project.yml says what numbers mean."""

    model_config = SettingsConfigDict(env_prefix="FOOTFALL_", extra="ignore")

    home: Path = Path(".footfall")
    keep_publications: int = Field(default=5, ge=1, le=1000)
    memory_limit: str | None = None

    @field_validator("home")
    @classmethod
    def _reads_as_itself(cls, home: Path) -> Path:
        if bad := sorted(set(str(home.expanduser().resolve())) & set("'*?[")):
            raise ValueError(f"the path holds {' '.join(bad)}, which means a pattern of files or its end to DuckDB")
        return home


def settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: naming the variable that is not legal.
        UnknownSettingError: naming a variable FOOTFALL_… that nothing reads, and the nearest that something does.
    """
    _understand_guides()
    try:
        chosen = Settings()
        refuse_unknown_variables(project_folder())
        return chosen
    except ValidationError as error:
        first = error.errors()[0]
        name = f"FOOTFALL_{'_'.join(str(part) for part in first['loc'])}".upper()
        fault = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} is {str(first['input'])!r}: {fault}. Change or unset it.") from None


def _understand_guides() -> None:
    """Take ANALYTICS__NAME for FOOTFALL_NAME, where that is not said itself."""
    for name in GUIDE_NAMES:
        if said := os.environ.get(GUIDE_PREFIX + name.upper()):
            os.environ.setdefault(PREFIX + name.upper(), said)


def refuse_unknown_variables(project: Path) -> None:
    """Raise UnknownSettingError for a variable FOOTFALL_… that nothing reads: a slip would be a default in silence."""
    if not (project / "dbt_project.yml").is_file():
        return
    legal = {f"{PREFIX}{name.upper()}" for name in (*OF_ONE_RUN, *kept_names(project))} | {FROM_HOME}
    for variable in sorted(os.environ):
        if not variable.upper().startswith(PREFIX) or variable in legal or variable.startswith("FOOTFALL_PROPERTY_"):
            continue
        near = difflib.get_close_matches(variable.upper(), sorted(legal - {FROM_HOME}), n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UnknownSettingError(
            f"{variable} is set, and nothing reads it. {hint}Mend or unset it; `footfall config list` shows all."
        )


def home(folder: Path | None = None) -> Path:
    """The absolute folder of all state, by default that of FOOTFALL_HOME, made the one of this process.

    It is put into the environment, where dbt's profile reads it, and so are the settings that the home keeps and the
    environment does not name; those of a home before are taken back.

    Raises:
        SettingsError: when the home keeps a setting that is not legal.
    """
    if folder is not None:
        os.environ["FOOTFALL_HOME"] = str(folder)
    folder = settings().home.expanduser().resolve()
    for variable in _from_a_home():
        del os.environ[variable]
    os.environ.pop(FROM_HOME, None)
    os.environ["FOOTFALL_HOME"] = str(folder)
    # loading needs no dbt project, unless there are settings to check against it
    if (folder / KEPT_FILE).exists() and (added := missing_variables(folder, project_dir())):
        os.environ.update(added)
        os.environ[FROM_HOME] = json.dumps(added)
    return folder


def kept_names(project: Path) -> list[str]:
    """The settings that a home may keep: the project's vars, and those of loading, collecting and building."""
    machine = [name for name in Settings.model_fields if name not in OF_ONE_RUN]
    of_rooms = (name for room in OF_ROOMS for name in room.model_fields if name not in OF_ONE_RUN)
    return sorted({*_declared(project), *machine, *of_rooms})


def kept_settings(home: Path, project: Path) -> dict[str, str]:
    """The settings that a home keeps, as they were written.

    Raises:
        SettingsError: when the file cannot be read, or keeps what is no setting.
    """
    file = home / KEPT_FILE
    try:
        kept = yaml.safe_load(file.read_text()) or {}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} cannot be read: {' '.join(str(error).split())}. Mend or remove it.") from error
    if not isinstance(kept, dict) or not all(isinstance(value, str) and value for value in kept.values()):
        raise SettingsError(
            f"{file} must hold one text for each setting. Mend it by `footfall config set`, or remove it."
        )
    for name in kept:
        known_name(str(name), project, f"{file}: ")
    return kept


def known_name(name: str, project: Path, where: str = "") -> str:
    """The name of a setting that a home may keep, however it is written.

    Raises:
        UnknownSettingError: naming the nearest one.
    """
    legal = kept_names(project)
    plain = name.lower().removeprefix(PREFIX.lower()).replace("-", "_")
    if plain in legal:
        return plain
    if plain in OF_ONE_RUN:
        raise UnknownSettingError(
            f"{where}{plain} is of one run and not kept in a home. Set FOOTFALL_{plain.upper()} instead."
        )
    near = difflib.get_close_matches(plain, legal, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UnknownSettingError(f"{where}{name} is no setting.{hint} `footfall config list` shows all.")


def missing_variables(home: Path, project: Path) -> dict[str, str]:
    """The environment variables that a home's settings stand for and that nobody has set."""
    kept = {f"{PREFIX}{name.upper()}": value for name, value in kept_settings(home, project).items()}
    return {variable: value for variable, value in kept.items() if not os.environ.get(variable)}


def settings_in_force(home: Path, project: Path) -> dict[str, InForce]:
    """Every setting that a home may keep, as a run in it would use it now: environment, else home, else project."""
    from_home = _from_a_home()
    kept, declared = kept_settings(home, project), _declared(project)
    machine = {**Settings.model_fields}
    for model in OF_ROOMS:
        machine |= model.model_fields
    found = {}
    for name in kept_names(project):
        variable = f"{PREFIX}{name.upper()}"
        said = os.environ.get(variable) if variable not in from_home else None
        if said:
            found[name] = InForce(as_value(said), "environment")
        elif name in kept:
            found[name] = InForce(as_value(kept[name]), "home")
        elif name in declared:
            found[name] = InForce(declared[name], "project")
        else:
            found[name] = InForce(machine[name].default, "default")
    return found


def project_dir() -> Path:
    """The absolute folder that holds dbt_project.yml: FOOTFALL_PROJECT_DIR, else the repository.

    Raises:
        SettingsError: when there is none, as when the package was installed without its dbt project.
    """
    settings()
    folder = project_folder().resolve()
    if not (folder / "dbt_project.yml").is_file():
        raise SettingsError(
            f"There is no dbt_project.yml in {folder}. Install Footfall from its repository (pip install -e .), "
            "or let FOOTFALL_PROJECT_DIR name a copy of its dbt project."
        )
    return folder


def metric_settings(project: Path, home: Path) -> dict[str, Any]:
    """The settings that say what the numbers mean, as a run in this home uses them."""
    found = settings_in_force(home, project)
    return {name: found[name].value for name in sorted(_declared(project))}


def changed_settings(before: dict[str, Any], home: Path, project: Path) -> list[dict[str, Any]]:
    """What differs between the settings of a build and those in force now: `name, before, now, source` of each."""
    found = settings_in_force(home, project)
    earlier = {name: as_value(value) if isinstance(value, str) else value for name, value in before.items()}
    return [
        {"name": name, "before": earlier[name], "now": now.value, "source": now.source}
        for name, now in found.items()
        if name in earlier and earlier[name] != now.value
    ]


def _from_a_home() -> list[str]:
    """The variables that were taken from a home and that nobody has set otherwise since."""
    taken: dict[str, str] = json.loads(os.environ.get(FROM_HOME) or "{}")
    return [variable for variable, value in taken.items() if os.environ.get(variable) == value]


def _declared(project: Path) -> dict[str, Any]:
    file = project / "dbt_project.yml"
    return _vars_of(file, file.stat().st_mtime_ns)


@cache
def _vars_of(file: Path, _changed: int) -> dict[str, Any]:
    return yaml.safe_load(file.read_text()).get("vars") or {}


def project_fingerprint(project: Path) -> str:
    """A digest of every file that decides what the models compute, and of the engine's version."""
    digest = hashlib.sha256(f"duckdb {version('duckdb')} dbt {version('dbt-core')}".encode())
    digest.update((project / "dbt_project.yml").read_bytes())
    digest.update(values_version().encode())
    for folder in (*(project / name for name in PROJECT_FOLDERS), FITS):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".pyc":
                digest.update(f"\n{folder.name}/{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
