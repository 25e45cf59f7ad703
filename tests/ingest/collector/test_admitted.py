"""Nothing of a body is stored but what the cleaner of `ingest.privacy` has let through."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from ingest.collector import app
from ingest.collector.landing import land_received
from ingest.collector.local import receive_locally
from ingest.privacy import Cleaner
from ingest.vendors import VENDORS
from tests.ingest.collector.exchange import exchange

SECRET = "Rosebud"
EVENT = f"""{{"type": "track", "event": "{SECRET}", "event_type": "{SECRET}", "n": "{SECRET}", "e": "ue",
    "userId": "{SECRET}", "payload": {{"website": "{SECRET}", "name": "{SECRET}"}},
    "properties": {{"{SECRET}": "{SECRET}"}}, "p": "{SECRET}"}}"""
BODY = f"""{EVENT[:-1]}, "batch": [{EVENT}, "{SECRET}"], "events": [{EVENT}, 7], "data": [{EVENT}, "{SECRET}"],
    "schema": "iglu:a/{SECRET}/jsonschema/1-0-0", "requests": ["?idsite=1&e_c=x&e_a={SECRET}"]}}"""
FORM = "&".join(f"{name}={quote(EVENT)}" for name in ("data", "event", "identification"))
QUERY = f"?idsite=1&action_name={SECRET}&e=pv&page={SECRET}&url={SECRET}&schema={SECRET}&data={quote(EVENT)}"
PATHS = sorted({path.replace("{type}", "track") for vendor in VENDORS.values() for path in vendor.paths})


def stored(home: Path) -> Iterator[tuple[Path, str]]:
    """Everything that a home holds, as text."""
    for file in (path for path in home.rglob("*") if path.is_file()):
        yield file, file.read_bytes().decode("latin-1")
        if file.suffix == ".parquet":
            yield file, str(duckdb.sql(f"select * from read_parquet('{file}')").fetchall())


@pytest.mark.parametrize("is_let_through", [False, True])
def test_nothing_of_a_body_is_stored_that_was_not_admitted(
    is_let_through: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def received(_: Cleaner, body: bytes, *_more: Any) -> bytes:
        return body if is_let_through else body.replace(SECRET.encode(), b"*" * len(SECRET))

    monkeypatch.setattr(Cleaner, "received", received)
    requests: list[dict[str, Any]] = []
    for path in PATHS:
        requests += [{"path": path, "content": text} for text in (BODY, f"[{EVENT}]", FORM, EVENT)]
        requests += [{"method": "GET", "path": path + QUERY}]
    answers = exchange(tmp_path, *requests)
    receive_locally(tmp_path, "shop", BODY.encode(), 2)
    land_received(tmp_path)
    assert sum(answer.status_code == 200 for answer in answers) > 2 * len(PATHS)
    found = {file for file, text in stored(tmp_path) if SECRET in text}
    assert bool(found) == is_let_through, found


def test_what_a_program_tells_in_several_lines_is_one(tmp_path: Path) -> None:
    receive_locally(tmp_path, "shop", b'{"events":\r\n[{"event_type": "a"},\n{"event_type": "b"}]}', 2)
    (receipt,) = land_received(tmp_path)
    assert (receipt.accepted, receipt.quarantined) == (2, 0)


def test_who_writes_what_was_received_asks_the_cleaner() -> None:
    calls: list[str] = []
    for file in Path(app.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                told = ast.unparse(node.func)
                is_of_these = told.endswith((".append", ".received")) and ("spool" in told or "cleaner" in told)
                calls += [f"{file.name}: {told}"] * (is_of_these or told in ("spool_dir", "os.open"))
    assert sorted(set(calls)) == [
        "app.py: self.cleaner.received",
        "app.py: self.spool.append",
        "landing.py: spool_dir",
        "local.py: cleaner(home).received",
        "local.py: os.open",
        "local.py: spool_dir",
        "spool.py: os.open",
        "spool.py: spool_dir",
        "state.py: spool_dir",
        "visitors.py: os.open",
    ], "who is new here writes what was received: does he ask the cleaner?"
