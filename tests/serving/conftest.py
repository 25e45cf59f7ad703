"""A small real dbt project and a home for it: one relation of each kind of publishing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from serving.publish import Built, publish
from serving.relations import content_of

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

    def execute(self, statements: str) -> None:
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as warehouse:
            warehouse.execute(statements)

    def keep_states(self) -> None:
        """Note what the tables of the warehouse hold, as `footfall build` does beside each that it makes."""
        manifest = json.loads(self.manifest.read_text())
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as warehouse:
            warehouse.execute("create schema if not exists plumbing")
            warehouse.execute("create or replace table plumbing.states (node varchar, content varchar)")
            warehouse.execute("create table if not exists plumbing.processed_batches (batch_id varchar)")
            for key, node in manifest["nodes"].items():
                if node["resource_type"] == "model" and node["config"]["materialized"] == "table":
                    content = content_of(warehouse, node["relation_name"])
                    warehouse.execute("insert into plumbing.states values (?, ?)", [key, content])

    def publish(self, keep: int = 5, project: str = "", **settings: object) -> Path:
        """Publish; two publications of one project share what did not change between them."""
        checks = {"passed": 2, "warned": []}
        inputs = {"settings": settings, **({"project": project} if project else {})}
        built = Built(inputs, checks, "2026-01-01T00:00:00+00:00")
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
