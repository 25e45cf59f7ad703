"""Where a run reads and writes, and what its numbers mean: the environment, read in one place."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.values import values_version

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT_FOLDERS = ("models", "macros", "seeds", "snapshots", "profiles", "tests/dbt")
# what Python models import, wherever the project lies
STATISTICS = REPOSITORY / "orchestration" / "statistics"


class SettingsError(Exception):
    """A setting is not legal, or the dbt project is not where it should be."""


class Settings(BaseSettings):
    """The environment variables `FOOTFALL_*` that steer Footfall itself; dbt_project.yml says what numbers mean."""

    model_config = SettingsConfigDict(env_prefix="FOOTFALL_", extra="ignore")

    home: Path = Path(".footfall")
    project_dir: Path = REPOSITORY
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
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"FOOTFALL_{'_'.join(str(part) for part in first['loc'])}".upper()
        fault = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} is {str(first['input'])!r}: {fault}. Change or unset it.") from None


def home() -> Path:
    """The absolute folder of all state, also put into the environment, where dbt's profile reads it."""
    folder = settings().home.expanduser().resolve()
    os.environ["FOOTFALL_HOME"] = str(folder)
    return folder


def project_dir() -> Path:
    """The absolute folder that holds dbt_project.yml: FOOTFALL_PROJECT_DIR, else the repository.

    Raises:
        SettingsError: when there is none, as when the package was installed without its dbt project.
    """
    folder = settings().project_dir.expanduser().resolve()
    if not (folder / "dbt_project.yml").is_file():
        raise SettingsError(
            f"There is no dbt_project.yml in {folder}. Install Footfall from its repository (pip install -e .), "
            "or let FOOTFALL_PROJECT_DIR name a copy of its dbt project."
        )
    return folder


def metric_settings(project: Path) -> dict[str, Any]:
    """The settings that say what the numbers mean, as this run uses them: the environment, else the project's vars."""
    declared: dict[str, Any] = yaml.safe_load((project / "dbt_project.yml").read_text()).get("vars") or {}
    return {name: os.environ.get(f"FOOTFALL_{name.upper()}") or default for name, default in sorted(declared.items())}


def project_fingerprint(project: Path) -> str:
    """A digest of every file that decides what the models compute, and of the engine's version."""
    digest = hashlib.sha256(f"duckdb {version('duckdb')} dbt {version('dbt-core')}".encode())
    digest.update((project / "dbt_project.yml").read_bytes())
    digest.update(values_version().encode())
    for folder in (*(project / name for name in PROJECT_FOLDERS), STATISTICS):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".pyc":
                digest.update(f"\n{folder.name}/{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
