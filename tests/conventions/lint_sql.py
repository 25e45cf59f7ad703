"""Lint the SQL by sqlfluff on all cores, each file once: what was found clean is remembered until it changes.

`python -m tests.conventions.lint_sql [--all] [FILE …]`: every model and law unless files are named; `--all` looks at
clean ones again.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment
from sqlfluff.core import FluffConfig, Linter

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("models", "tests/dbt")
# what a file is rendered with, and judged by
SHARED = (".sqlfluff", "dbt_project.yml", "macros", "tests/conventions/lint_context")
# one empty file for each text that was found clean, named by its digest
CLEAN = REPOSITORY / ".sqlfluff_cache"


def main(arguments: list[str]) -> int:
    """Lint, say what is wrong, and return 1 when anything is."""
    os.chdir(REPOSITORY)
    named = [Path(name) for name in arguments if name != "--all"]
    files = named or [path for folder in FOLDERS for path in Path(folder).rglob("*.sql")]
    # the largest first, so that no core waits for one at the end
    files = sorted(set(files) - ignored(), key=lambda path: path.stat().st_size, reverse=True)
    digests = digests_of(files)
    waiting = [file for file in files if "--all" in arguments or not (CLEAN / digests[file]).exists()]
    started, faulty = time.monotonic(), 0
    for number, (file, faults) in enumerate(lint(waiting), start=1):
        if faults:
            faulty += 1
            tell(f"{file}\n" + "\n".join(f"  {fault}" for fault in faults), lasting=True)
        else:
            CLEAN.mkdir(exist_ok=True)
            (CLEAN / digests[file]).touch()
        tell(f"sqlfluff: {number} of {len(waiting)} files, {time.monotonic() - started:.0f} s")
    known = len(files) - len(waiting)
    tell(f"sqlfluff: {len(files) - faulty} of {len(files)} files are clean, {known} known before.", lasting=True)
    if not named:
        forget(keep=set(digests.values()))
    return 1 if faulty else 0


def ignored() -> set[Path]:
    """The files that .sqlfluffignore names, one path a line."""
    lines = (REPOSITORY / ".sqlfluffignore").read_text().splitlines()
    return {Path(line) for line in lines if line and not line.startswith("#")}


def digests_of(files: Iterable[Path]) -> dict[Path, str]:
    """Of each file and all that it is rendered with and judged by."""
    shared = hashlib.sha256(f"sqlfluff {version('sqlfluff')}".encode())
    for place in map(Path, SHARED):
        for path in sorted(place.rglob("*.*")) if place.is_dir() else [place]:
            if path.suffix != ".pyc":
                shared.update(f"\n{path}\n".encode() + path.read_bytes())
    return {file: _digest(shared.digest(), str(file).encode(), file.read_bytes()) for file in files}


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def lint(files: list[Path]) -> Iterable[tuple[Path, list[str]]]:
    """Lint files on all cores; yield each with its faults as it is done."""
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for done in as_completed([workers.submit(faults_of, file) for file in files]):
            yield done.result()


def faults_of(file: Path) -> tuple[Path, list[str]]:
    """What sqlfluff finds in one file, line by line."""
    Environment.compile = compiling_once(Environment.compile)  # type: ignore[method-assign]
    # looking for rings in a growing tree takes a fourth of the time; once at its end is enough
    gc.disable()
    gc.freeze()
    linted = Linter(config=FluffConfig.from_root()).lint_string(file.read_text(), fname=str(file))
    faults = [
        f"{fault.line_no}:{fault.line_pos} {fault.rule_code()} {fault.desc()}"
        for fault in sorted(linted.get_violations(), key=lambda fault: (fault.line_no, fault.line_pos))
    ]
    del linted
    gc.collect()
    return file, faults


def compiling_once(compile: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what a text compiles to: sqlfluff compiles every macro of the project anew for each file."""
    if hasattr(compile, "__wrapped__"):
        return compile
    known: dict[Any, Any] = {}

    @wraps(compile)
    def remembered(environment: Environment, source: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(source, str):
            return compile(environment, source, *arguments, **options)
        key = (source, arguments, tuple(options.items()))
        if key not in known:
            known[key] = compile(environment, source, *arguments, **options)
        return known[key]

    return remembered


def forget(keep: set[str]) -> None:
    """Remove what is remembered of texts that are there no more."""
    for path in CLEAN.glob("*"):
        if path.name not in keep:
            path.unlink()


def tell(line: str, lasting: bool = False) -> None:
    """Print a line; where people look on, one that does not last is written over by the next."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="\n" if lasting else "", flush=True)
    elif lasting:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
