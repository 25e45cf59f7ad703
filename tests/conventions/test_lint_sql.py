"""The linter of SQL finds what sqlfluff finds, and looks at a clean file again only when something has changed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conventions import lint_sql

MODEL = "models/marts/core/dim_dates.sql"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(lint_sql, "CLEAN", tmp_path / "clean")
    yield tmp_path / "clean"
    os.chdir(lint_sql.REPOSITORY)


def test_a_clean_file_is_remembered_until_it_or_what_it_is_rendered_with_changes(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lint_sql.main([MODEL]) == 0
    assert "1 of 1 files are clean, 0 known before" in capsys.readouterr().out
    before = lint_sql.digests_of([Path(MODEL)])
    assert [path.name for path in cache.iterdir()] == list(before.values())
    assert lint_sql.main([MODEL]) == 0
    assert "1 known before" in capsys.readouterr().out
    monkeypatch.setattr(lint_sql, "SHARED", (*lint_sql.SHARED, "README.md"))
    assert lint_sql.digests_of([Path(MODEL)]) != before


def test_a_fault_is_named_by_its_place_and_rule_each_time(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faulty = cache.parent / "faulty.sql"
    faulty.write_text("SELECT a  from {{ ref('b') }}\n")
    for _ in range(2):
        assert lint_sql.main([str(faulty)]) == 1
        told = capsys.readouterr().out
        assert str(faulty) in told and "1:1 CP01" in told and "0 of 1 files are clean" in told
