"""One home that all tests of this folder share: apps are independent of each other, so each brings its own.

A module says in `FILES` what is loaded (see `files`), and in `SEEDS`, where it needs any, rows to add to the project's
seeds. Everything is loaded, in order, and built once, whichever worker comes first.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

import ingest
from tests.end_to_end.dbt_project import build_models, copy_project

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def faults_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home, built by whichever worker comes first."""
    modules = {item.path: item.module for item in request.session.items if item.path.parent == HERE}
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "faults"
    root.mkdir(exist_ok=True)
    home, done = root / "home", root / "done"
    with FileLock(root / "lock"):
        if not done.exists():
            project = copy_project(root / "project")
            for path in sorted(modules):
                _load(modules[path], root / path.stem, home, project)
            build_models(home, project=project)
            done.touch()
    return home


def _load(module: Any, folder: Path, home: Path, project: Path) -> None:
    folder.mkdir()
    for seed, rows in getattr(module, "SEEDS", {}).items():
        with (project / "seeds" / f"{seed}.csv").open("a") as file:
            file.writelines(f"{row}\n" for row in rows)
    for file in getattr(module, "FILES", []):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content.encode() if isinstance(file.content, str) else file.content)
        ingest.load([path], home, **file.options)


@pytest.fixture(scope="session")
def built(faults_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the warehouse of the home."""
    with duckdb.connect(str(faults_home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection
