"""What failed in a build, in words that lead to its mend: what a failing row means, the first rows, where all are."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any

SHOWN_FAILURES = 5
SHOWN_ROWS = 5
SHOWN_COLUMNS = 12
LONGEST_VALUE = 60
# a test that found its rows once finds them again, but nobody waits for a slow one
SECONDS_TO_LOOK = 10.0

Failure = dict[str, Any]


def explained(home: Path, manifest_path: Path, results: Iterable[dict[str, Any]]) -> list[Failure]:
    """Say of each result that failed what it was, what it means and how to mend it.

    Args:
        home: the folder of all state; no other process has its warehouse open.
        manifest_path: dbt's manifest.json of that build.
        results: dbt's failed results, as dictionaries of its run_results.json.

    Returns:
        For each: `node`, `message`, `compiled` (path of the SQL, or empty), `means`, `mend` and, of the first failed
        tests, `columns` and `rows`: at most SHOWN_ROWS rows of the test's own query, as short text.
    """
    results = list(results)
    try:
        nodes: dict[str, Any] = json.loads(manifest_path.read_text())["nodes"] if results else {}
    except (OSError, ValueError):
        nodes = {}
    failures: list[Failure] = []
    for result in results:
        node = nodes.get(result["unique_id"], {})
        message = " ".join(str(result.get("message") or "").split())
        failure: Failure = {
            "node": result["unique_id"],
            "message": message,
            "compiled": str(result.get("compiled_path") or node.get("compiled_path") or ""),
            "means": meaning(node),
            "mend": _mend(home, node, message),
        }
        if result["status"] == "fail" and len(failures) < SHOWN_FAILURES:
            failure |= _first_rows(home, str(result.get("compiled_code") or ""))
        failures.append(failure)
    return failures


def meaning(node: dict[str, Any]) -> str:
    """What a failing row of a test means: its description, the comment at its top, or the rule that it applies."""
    if node.get("resource_type") != "test":
        return ""
    if told := node.get("description") or header(node.get("raw_code", "")):
        return str(told)
    rule = node.get("test_metadata") or {}
    tested = (node.get("attached_node") or "").split(".")[-1] + (
        f".{node['column_name']}" if node.get("column_name") else ""
    )
    return f"A failing row breaks the rule {rule.get('name', node['name'])} of {tested or node['name']}."


def header(sql: str) -> str | None:
    """The comment at the top of a test, which says what a failing row means."""
    lines = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines) or None


def is_disk_full(error: BaseException | str) -> bool:
    """Whether an error, or its text, says that there is no room on the disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in ("No space left on device", "Disk quota exceeded"))


def full_disk(home: Path) -> str:
    """What to do when the disk of a home is full, and what became of the data."""
    free = shutil.disk_usage(home).free
    return (
        f"The disk of {home} is full: {free / 1e6:,.0f} MB are free. Free some: fewer old publications "
        "(`footfall publish --list` shows them, FOOTFALL_KEEP_PUBLICATIONS=1 keeps one from the next build on), other "
        f"files on that disk, what DuckDB left in {home / 'warehouse.duckdb.tmp'}; or move the home to a larger disk. "
        "Nothing is lost: what has landed stays, readers see what they saw, `footfall build` goes on where it stood."
    )


def _mend(home: Path, node: dict[str, Any], message: str) -> str:
    if is_disk_full(message):
        return full_disk(home)
    if "Out of Memory" in message:
        return "Let DuckDB spill earlier, FOOTFALL_MEMORY_LIMIT=4GB or less, and run `footfall build` again."
    if node.get("resource_type") == "test":
        return (
            "Run `footfall build --full-refresh`. If it passes then, a model drifted, which is ours to mend; "
            "if it fails again, these rows break the rule: mend what brought them (docs/runbooks/a-build-failed.md)."
        )
    return "Mend what the message names and run `footfall build` again."


def _first_rows(home: Path, query: str) -> dict[str, Any]:
    """The columns and first rows of a test's query, or nothing where they cannot be had quickly."""
    import duckdb

    if not query:
        return {}
    try:
        with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            watch = threading.Timer(SECONDS_TO_LOOK, warehouse.interrupt)
            watch.start()
            try:
                found = warehouse.execute(f"from (\n{query}\n) limit {SHOWN_ROWS}")
                columns = [str(column[0]) for column in found.description or []][:SHOWN_COLUMNS]
                rows = [[_short(value) for value in row[:SHOWN_COLUMNS]] for row in found.fetchall()]
            finally:
                watch.cancel()
    except (duckdb.Error, RuntimeError):
        return {}
    return {"columns": columns, "rows": rows}


def _short(value: Any) -> str:
    """A value as one short line of printable text, whatever somebody sent."""
    told = "null" if value is None else str(value)
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in told)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def as_text(failures: list[Failure], nodes: int, home: Path, project: Path, log: Path | None) -> str:
    """The failures of a build as people read them in a terminal."""
    lines = [f"{len(failures)} of {nodes} nodes failed; nothing was published."]
    for failure in failures[:SHOWN_FAILURES]:
        kind, *_, name = failure["node"].split(".")[:3]
        lines.append(f"  {kind} {name}: {failure['message']}")
        if failure.get("means"):
            lines.append(f"    {failure['means']}")
        lines += [f"      {line}" for line in _table(failure)]
        if failure["compiled"]:
            lines.append(f"    compiled SQL: {project / failure['compiled']}")
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"  … and {len(failures) - SHOWN_FAILURES} more in {home / 'build.json'}")
    lines += dict.fromkeys(failure["mend"] for failure in failures[:SHOWN_FAILURES] if failure.get("mend"))
    if log:
        lines.append(f"Log: {log}")
    return "\n".join(lines)


def _table(failure: Failure) -> list[str]:
    """The first rows under their columns, each column as wide as it needs."""
    if not failure.get("rows"):
        return []
    grid = [failure["columns"], *failure["rows"]]
    widths = [max(len(row[place]) for row in grid) for place in range(len(grid[0]))]
    return [" | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in grid]
