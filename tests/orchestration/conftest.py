"""Homes with a few hundred real events in landing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest import load
from orchestration.build import build
from tests.end_to_end.dbt_project import copy_part, environment, put_back


@dataclass
class Home:
    path: Path

    def land(self, name: str, first: int, count: int, **fields: object) -> None:
        """Load events numbered `first` and on, an hour apart, by nine persons; `fields` stand in each of them."""
        source = self.path.parent / f"{name}.ndjson"
        events = (
            {
                "event_id": f"e{n}",
                "event_name": ("page_view", "signup", "purchase")[n % 3],
                "occurred_at": f"2024-03-{1 + n // 24 % 28:02d}T{n % 24:02d}:00:00Z",
                "user_id": f"u{n % 9}",
                "app": "shop",
                **fields,
            }
            for n in range(first, first + count)
        )
        source.write_text("".join(json.dumps(event) + "\n" for event in events))
        load([source], self.path)


@pytest.fixture(scope="session")
def core_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project without most of its marts, so that a build takes a fourth of the time."""
    return copy_part(tmp_path_factory.mktemp("core") / "project")


@pytest.fixture(scope="session")
def built_path(core_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was built once for the session; tests take copies of it."""
    home = Home(tmp_path_factory.mktemp("session") / "home")
    home.land("first", 0, 300)
    with environment({"FOOTFALL_PROJECT_DIR": str(core_project)}):
        build(home.path)
    return home.path


@pytest.fixture
def landed_home(core_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of its own with one batch that nothing has built yet."""
    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(core_project))
    home = Home(tmp_path / "home")
    home.land("first", 0, 300)
    return home


@pytest.fixture
def built_home(built_path: Path, core_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The built home, alone in its place for one test."""
    monkeypatch.setenv("FOOTFALL_HOME", str(built_path))
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(core_project))
    with put_back(tmp_path / "aside", built_path):
        yield Home(built_path)
