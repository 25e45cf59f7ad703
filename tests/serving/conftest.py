"""A small real dbt project and a home for it: one relation of each kind of publishing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.publish import Built, publish

PROJECT = Path(__file__).parent / "project"


@dataclass
class SmallHome:
    path: Path

    def visit(self, name: str, rows: Iterable[tuple[int, str, int, str]]) -> None:
        (self.path / "visits").mkdir(parents=True, exist_ok=True)
        lines = ["visit_id,visitor,pages,visited_at", *(",".join(map(str, row)) for row in rows)]
        (self.path / "visits" / f"{name}.csv").write_text("\n".join(lines) + "\n")

    def build(self) -> None:
        from dbt.cli.main import dbtRunner

        from orchestration.build import close_dbt

        os.environ["FOOTFALL_HOME"] = str(self.path)
        folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        outputs = ["--target-path", str(self.path / "dbt"), "--log-path", str(self.path / "dbt")]
        result = dbtRunner().invoke(["build", *folders, *outputs, "--quiet"])
        close_dbt()
        assert result.success, result.exception

    @property
    def manifest(self) -> Path:
        return self.path / "dbt" / "manifest.json"

    def publish(self, keep: int = 5, **settings: object) -> Path:
        checks = {"passed": 2, "warned": []}
        built = Built({"settings": settings}, checks, "2026-01-01T00:00:00+00:00")
        return publish(self.path, self.manifest, built, keep)


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = SmallHome(tmp_path_factory.mktemp("built"))
    home.visit("first", [(n, f"v{n % 7}", n % 5, f"2024-01-{1 + n % 20:02d} 10:00:00") for n in range(200)])
    home.build()
    return home.path


@pytest.fixture
def small_home(built_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallHome:
    path = tmp_path / "home with 'quote'"
    monkeypatch.setenv("FOOTFALL_HOME", str(path))
    shutil.copytree(built_home, path)
    return SmallHome(path)
