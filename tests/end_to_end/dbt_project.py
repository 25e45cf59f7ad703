"""Runs the dbt project of this repository, or a copy of it, in this process."""

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import yaml
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import SeedNode, SourceDefinition

from orchestration.build import close_dbt
from orchestration.sparing import a_sparing_dbt
from orchestration.states import ONLY_CHANGED

REPOSITORY = Path(__file__).parents[2]
PROJECT_PARTS = ["dbt_project.yml", "profiles", "profiles.yml", "models", "macros", "seeds", "tests/dbt"]


def copy_project(to: Path) -> Path:
    """A copy of the dbt project that a test may change."""
    for part in PROJECT_PARTS:
        source, copy = REPOSITORY / part, to / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        elif source.exists():
            shutil.copy(source, copy)
    return to


REF = re.compile(r"ref\('(\w+)'\)")
CORE = (
    "fct_sessions",
    "fct_person_days",
    "fct_active_persons",
    "fct_growth_accounting",
    "dim_persons",
    "dim_dates",
    "events",
    "fct_app_copies",
)


def copy_part(to: Path, models: Collection[str] = CORE) -> Path:
    """A copy with some models and what they read, the core unless told; the whole takes dbt 17 CPU seconds to parse."""
    copy_project(to)
    files = {path.stem: path for path in (to / "models").rglob("*.*") if path.suffix in (".sql", ".py")}
    seeds = {path.stem for path in (to / "seeds").glob("*.csv")}
    kept = [*models, *(name for name, path in files.items() if path.parent.name == "staging")]
    for name in kept:
        kept += set(REF.findall(files[name].read_text())) - {*kept, *seeds}
    for name in files.keys() - set(kept):
        files[name].unlink()
    for path in (to / "models").rglob("*.yml"):
        told = yaml.load(path.read_text(), yaml.CSafeLoader)
        described = [model for model in told.get("models", []) if model["name"] in kept]
        whole = {key: told[key] for key in ("version", "groups", "sources") if key in told}
        path.write_text(yaml.dump({**whole, "models": described}, Dumper=yaml.CSafeDumper))
    for law in (to / "tests" / "dbt").glob("*.sql"):
        if not set(REF.findall(law.read_text())) <= {*kept, *seeds}:
            law.unlink()
    return to


@contextmanager
def environment(settings: Mapping[str, str], beside: Mapping[str, str] | None = None) -> Iterator[None]:
    """Environment variables, for the time of a with block: beside those of the process, or beside others."""
    before = dict(os.environ)
    if beside is not None:
        os.environ.clear()
        os.environ.update(beside)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def put_back(aside: Path, *folders: Path) -> Iterator[None]:
    """Let a with block change folders: they name absolute paths, so that a copy waits aside and takes their place."""
    for folder in folders:
        shutil.copytree(folder, aside / folder.name, symlinks=True)
    try:
        yield
    finally:
        for folder in folders:
            shutil.rmtree(folder)
            (aside / folder.name).rename(folder)


ANY_HOME = "/any-home"


def _contents(project: Path) -> frozenset[tuple[str, bytes]]:
    """The files that dbt parses, and what is in them; the rows of a seed are read when it is built."""
    files = [path for part in PROJECT_PARTS for path in (project / part).rglob("*") if path.is_file()]
    files.append(project / "dbt_project.yml")
    return frozenset(
        (str(path.relative_to(project)), b"" if path.suffix == ".csv" else path.read_bytes()) for path in files
    )


_PARSED: dict[frozenset[tuple[str, bytes]], tuple[Manifest, dict[str, SourceDefinition]]] = {}


def _parsed(project: Path) -> tuple[Manifest, dict[str, SourceDefinition]]:
    """What dbt makes of a project's files, once for all copies of them: parsing costs more than building a small home.

    No setting is in it: dbt writes SQL when a node runs, and configurations name none.
    """
    contents = _contents(project)
    if contents not in _PARSED:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        # a folder of its own, because another worker may parse the same project
        with environment({"FOOTFALL_HOME": ANY_HOME}, plain), TemporaryDirectory() as target:
            where = ["--project-dir", str(project), "--profiles-dir", str(project / "profiles")]
            result = dbtRunner().invoke(
                ["parse", *where, "--target-path", target, "--no-write-json", "--log-level=none"]
            )
        assert isinstance(result.result, Manifest), str(result.exception)
        _PARSED[contents] = result.result, dict(result.result.sources)
    return _PARSED[contents]


def manifest_of(project: Path, home: Path) -> Manifest:
    """The project's manifest, with the landing of this home as its source."""
    manifest, sources = _parsed(project)
    for name, source in sources.items():
        located = json.dumps(source.to_dict()).replace(f"{ANY_HOME}/", f"{home}/")
        manifest.sources[name] = SourceDefinition.from_dict(json.loads(located))
    for node in manifest.nodes.values():
        if isinstance(node, SeedNode):
            node.root_path = str(project)
    return manifest


@contextmanager
def other_code(project: Path, file: str, old: str, new: str) -> Iterator[None]:
    """A project with a text exchanged that stands once in a file of it, for the time of a with block.

    It is exchanged in what dbt parsed, so that nothing is parsed again: it may change no reference and no setting of
    a model's.
    """
    assert (project / file).read_text().count(old) == 1, f"{file} no longer holds what is exchanged: {old}"
    manifest, _ = _parsed(project)
    nodes = [node for node in manifest.nodes.values() if node.original_file_path == file and old in node.raw_code]
    macros = [
        macro for macro in manifest.macros.values() if macro.original_file_path == file and old in macro.macro_sql
    ]
    [(owner, attribute)] = [(node, "raw_code") for node in nodes] + [(macro, "macro_sql") for macro in macros]
    code = getattr(owner, attribute)
    setattr(owner, attribute, code.replace(old, new))
    try:
        yield
    finally:
        setattr(owner, attribute, code)


def run_dbt(
    home: Path,
    *arguments: str,
    project: Path = REPOSITORY,
    settings: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """One dbt invocation on a home; returns the status of each node, or raises AssertionError with dbt's own words."""
    home.mkdir(parents=True, exist_ok=True)
    # nobody listens to dbt here, and it runs some thousand times in the tests
    with environment({"FOOTFALL_HOME": str(home), "FOOTFALL_TARGET": "duckdb", **(settings or {})}), a_sparing_dbt():
        result = dbtRunner(manifest=manifest_of(project, home)).invoke(
            [
                *arguments,
                f"--project-dir={project}",
                f"--profiles-dir={project / 'profiles'}",
                f"--target-path={home / 'target'}",
                f"--log-path={home / 'logs'}",
                "--log-level=none",
                "--log-level-file=none",
            ]
        )
        close_dbt()
    results = getattr(result.result, "results", [])
    messages = [f"{r.node.name}: {r.message}" for r in results if r.status in ("error", "fail")]
    assert result.success, "\n".join(map(str, messages or [result.exception, result.result]))
    return {r.node.name: str(r.status) for r in results if r.node.resource_type != "operation"}


# what a build finds of the one before: every other table, and every view, is made whole from these each time
REMEMBERED = ("--select", "+config.materialized:incremental")


def build_models(
    home: Path, *arguments: str, project: Path = REPOSITORY, settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every seed and model that can have changed, as `footfall build` runs them, without tests and artifacts."""
    only_models = ("build", "--resource-type=seed", "--resource-type=model", "--no-write-json")
    return run_dbt(home, *only_models, *arguments, project=project, settings={ONLY_CHANGED: "true", **(settings or {})})


@dataclass
class Contents:
    """Every table and view of a warehouse: its columns, and what tells its rows from others'."""

    home: Path
    columns: dict[str, list[str]]
    digests: dict[str, tuple[int, int]]

    def rows(self, name: str) -> str:
        """The rows of one, in a Parquet file, as a query."""
        folder = self.home / "contents"
        folder.mkdir(exist_ok=True)
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute(f"copy (from {name}) to '{folder / name}.parquet'")
        return f"select {', '.join(self.columns[name])} from '{folder / name}.parquet'"


def contents(home: Path, ignored_columns: Collection[str] = ()) -> Contents:
    """Reads each relation once, and writes nothing."""
    listed = "select table_name, list(column_name order by column_name) from information_schema.columns"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        named = connection.execute(f"{listed} where table_schema = 'main' group by all").fetchall()
        columns = {name: [column for column in found if column not in ignored_columns] for name, found in named}
        digests = {}
        for name, kept in columns.items():
            digest = f"select count(*), sum(hash(t)::hugeint) from (select {', '.join(kept)} from {name}) as t"
            digests[name] = connection.execute(digest).fetchall()[0]
    return Contents(home, columns, digests)


def differences(one: Path, other: Path, ignored_columns: Collection[str] = ()) -> dict[str, int]:
    """Per relation that differs as a multiset over every column: the number of rows that only one warehouse has.

    Rows are laid side by side only where the sums of their hashes differ.
    """
    ones, others = contents(one, ignored_columns), contents(other, ignored_columns)
    assert ones.columns == others.columns
    found = {}
    for name in sorted(ones.digests):
        if ones.digests[name] == others.digests[name]:
            continue
        left, right = ones.rows(name), others.rows(name)
        only_left, only_right = f"{left} except all {right}", f"{right} except all {left}"
        query = f"select (select count(*) from ({only_left})) + (select count(*) from ({only_right}))"
        row = duckdb.sql(query).fetchone()
        assert row is not None
        if row[0]:
            found[name] = row[0]
    return found
