"""Homes to measure on: generated once per scale, then made of hard links, so that runs start from one state."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.generate import FIRST_DAY, write_home, write_ndjson
from benchmarks.measure import FOOTFALL, Usage, run


@dataclass(frozen=True)
class Bench:
    """The scale of a run and the folder it works in."""

    work: Path
    events: int
    days: int
    rounds: int
    minutes: int = 60
    seed: int = 7

    @property
    def scale(self) -> dict[str, int]:
        """What the results say about it."""
        return {"events": self.landed_events(), "days": self.days, "rounds": self.rounds}

    def dataset(self) -> Path:
        """A folder with `days` landed batches; the day after is in `<folder>.next`. Made when it is not there."""
        folder = self.work / f"events_{self.events}_{self.days}_{self.seed}"
        done = folder / "generated"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            write_home(folder, self.events, self.days, self.seed, extra_days=1)
            done.touch()
        return folder

    def landed_events(self) -> int:
        """How many events the dataset holds."""
        manifests = (self.dataset() / "landing" / "batches").glob("2*.json")
        return sum(json.loads(path.read_text())["accepted"] for path in manifests)

    def parquet(self, last_days: int | None = None) -> list[str]:
        """The dataset's landed files, all or those of its last days."""
        files = sorted(map(str, (self.dataset() / "landing" / "events").glob("load_date=2*/*.parquet")))
        return files[-(last_days or 0) :]

    def home(self, name: str, last_days: int | None = None) -> Home:
        """A fresh home that holds the dataset, or only its last days."""
        home = Home(self.work / "homes" / name)
        home.remove()
        source = self.dataset() / "landing"
        first = FIRST_DAY + timedelta(days=self.days - (last_days or self.days) + 1)
        for path in sorted(source.rglob("*")):
            landed = path.parent.name.removeprefix("load_date=") if path.suffix == ".parquet" else f"{path.name[:4]}"
            if path.suffix == ".json":
                landed = f"{path.name[:4]}-{path.name[4:6]}-{path.name[6:8]}"
            if path.is_dir() or not landed.startswith("2") or landed < f"{first}":
                continue
            link = home.path / "landing" / path.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)
        return home

    def next_day_file(self) -> Path:
        """The day after the dataset as the NDJSON file that a sender would deliver."""
        file = self.work / f"{self.dataset().name}_next.ndjson"
        if not file.exists():
            landed = self.dataset().with_name(self.dataset().name + ".next") / "landing" / "events" / "*" / "*.parquet"
            with duckdb.connect() as connection:
                write_ndjson(connection, f"read_parquet('{landed}', hive_partitioning = false)", file)
        return file


@dataclass(frozen=True)
class Home:
    """One FOOTFALL_HOME, and the commands run in it."""

    path: Path

    def footfall(self, *arguments: str | Path, **environment: str) -> Usage:
        """Run the footfall command."""
        return run([FOOTFALL, *arguments], FOOTFALL_HOME=str(self.path), **environment)

    def dbt(self, *arguments: str, **environment: str) -> Usage:
        """Run plain dbt, with the artifacts where `footfall build` has them, and note each node's CPU seconds."""
        folder = self.path / "dbt"
        folder.mkdir(parents=True, exist_ok=True)
        places = ("--profiles-dir", "profiles", "--target-path", folder / "target", "--log-path", folder / "logs")
        command: list[str | Path] = [sys.executable, "-m", "benchmarks.dbt_nodes", self._node_cpu, *arguments, *places]
        return run([*command, "--log-level", "none"], FOOTFALL_HOME=str(self.path), **environment)

    def node_cpu(self) -> dict[str, float]:
        """CPU seconds of each node of the last `dbt`."""
        seconds: dict[str, float] = json.loads(self._node_cpu.read_text())
        return seconds

    @property
    def _node_cpu(self) -> Path:
        return self.path / "dbt" / "node_cpu.json"

    def save(self) -> None:
        """Keep the present state for `restore`."""
        shutil.rmtree(self._saved, ignore_errors=True)
        shutil.copytree(self.path, self._saved, symlinks=True)

    def restore(self) -> None:
        """Go back to the saved state, at the same path."""
        shutil.rmtree(self.path)
        shutil.copytree(self._saved, self.path, symlinks=True)

    def remove(self) -> None:
        """Remove the home and its saved state."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self._saved, ignore_errors=True)

    @property
    def _saved(self) -> Path:
        return self.path.with_name(self.path.name + ".saved")
