"""Nothing of a body is stored but what `ingest.privacy.admitted` has let through."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from ingest.collector import app
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
    def admitted(body: bytes, *_: Any) -> bytes:
        return body if is_let_through else body.replace(SECRET.encode(), b"*" * len(SECRET))

    monkeypatch.setattr(app, "admitted", admitted)
    requests: list[dict[str, Any]] = []
    for path in PATHS:
        requests += [{"path": path, "content": text} for text in (BODY, f"[{EVENT}]", FORM, EVENT)]
        requests += [{"method": "GET", "path": path + QUERY}]
    answers = exchange(tmp_path, *requests)
    assert sum(answer.status_code == 200 for answer in answers) > 2 * len(PATHS)
    found = {file for file, text in stored(tmp_path) if SECRET in text}
    assert bool(found) == is_let_through, found


def test_one_place_writes_what_was_received() -> None:
    calls: list[str] = []
    for file in Path(app.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                told = ast.unparse(node.func)
                calls += [f"{file.name}: {told}"] * (told.endswith("spool.append") or told == "admitted")
    assert sorted(calls) == ["app.py: admitted", "app.py: self.spool.append"]
