"""What failed is explained by its meaning, its first rows and its mend, in a few lines of printable text."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration import build as building
from orchestration.build import BuildError
from orchestration.failures import as_text, explained, full_disk, is_disk_full
from serving.publications import current_publication
from tests.orchestration.conftest import Home

TEST = "test.footfall.assert_nothing_is_odd"
QUERY = "select n, 'a\x1b[31m|' || repeat('x', 100) as text, null as nothing from odd"


def explained_test(home: Path, query: str = QUERY, count: int = 9) -> dict[str, object]:
    with duckdb.connect(str(home / "warehouse.duckdb")) as warehouse:
        warehouse.execute(f"create or replace table odd as select range as n from range({count})")
    node = {"resource_type": "test", "name": TEST, "raw_code": "-- A failing row is odd,\n-- or two.\nselect"}
    (home / "manifest.json").write_text(json.dumps({"nodes": {TEST: node}}))
    result = {"unique_id": TEST, "status": "fail", "message": "Got 9\nresults", "compiled_code": query}
    return explained(home, home / "manifest.json", [result])[0]


def test_the_first_rows_are_few_short_and_printable(tmp_path: Path) -> None:
    failure = explained_test(tmp_path)
    assert failure["means"] == "A failing row is odd, or two." and failure["message"] == "Got 9 results"
    assert failure["columns"] == ["n", "text", "nothing"]
    rows = failure["rows"]
    assert isinstance(rows, list) and [row[0] for row in rows] == ["0", "1", "2", "3", "4"]
    assert all(len(row[1]) == 60 and row[1].isprintable() and row[2] == "null" for row in rows)
    told = as_text([failure], 3, tmp_path, tmp_path, None)
    assert told.startswith("1 of 3 nodes failed; nothing was published.")
    assert all(line.isprintable() for line in told.splitlines())


def test_rows_that_cannot_be_had_leave_the_rest_of_the_explanation(tmp_path: Path) -> None:
    failure = explained_test(tmp_path, "select * from no_such_table")
    assert "rows" not in failure and failure["means"] == "A failing row is odd, or two."


def test_a_full_disk_is_known_by_code_and_by_words(tmp_path: Path) -> None:
    assert is_disk_full(OSError(errno.ENOSPC, "x")) and not is_disk_full(OSError(errno.EACCES, "x"))
    assert is_disk_full("IO Error: Could not write file: No space left on device")
    told = full_disk(tmp_path)
    assert (
        str(tmp_path) in told
        and "MB are free" in told
        and "footfall publish --list" in told
        and "Nothing is lost" in told
    )


def test_publishing_on_a_full_disk_leaves_the_earlier_publication_and_says_what_to_free(
    built_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current_publication(built_home.path)
    listed = sorted((built_home.path / "published" / "publications").iterdir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("serving.publish.fsync_all", full)
        with pytest.raises(BuildError, match=r"The disk of .* is full: [\d,]+ MB are free.*Nothing is lost"):
            building.publish(built_home.path)
    assert current_publication(built_home.path) == before
    assert sorted((built_home.path / "published" / "publications").iterdir()) == listed
    assert building.publish(built_home.path) != before


@pytest.mark.skipif(os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk")
def test_a_build_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    landed_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        shutil.copytree(landed_home.path, disk / "home")
        monkeypatch.setenv("FOOTFALL_HOME", str(disk / "home"))
        footfall = str(Path(sys.executable).parent / "footfall")
        failed = subprocess.run([footfall, "build"], capture_output=True, text=True, check=False)
        assert failed.returncode == 1 and "Traceback" not in failed.stderr
        assert "The disk of" in failed.stderr and "Nothing is lost" in failed.stderr
        subprocess.run(["mount", "-o", "remount,size=2g", disk], check=True)
        done = subprocess.run([footfall, "build"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", disk], check=True)
