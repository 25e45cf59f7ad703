"""What comes in, read where it lies: lines of the spool as they are written, and files of landing as they appear."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.collector.spool import OPEN, SEALED, spool_dir
from ingest.collector.state import RECEIVED
from ingest.landing.paths import batches_dir

log = logging.getLogger("footfall.live")
# how much of the spool is read at once, so that memory stays bounded however much waits
MOST_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Lines:
    """Whole lines of one protocol, as the collector wrote them."""

    protocol: str
    texts: list[str]


class Feed:
    """Reads each line and each landed file once; what was read in the spool is not read again where it landed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read: dict[str, int] = {}
        self._seen: set[str] = set()
        self._looked_at: int | None = None

    def lines(self) -> Iterator[Lines]:
        """What was written to the spool since the last time, at most `MOST_BYTES` a turn."""
        left = MOST_BYTES
        for path in sorted(spool_dir(self._home).glob("*/*"), key=lambda each: each.name):
            if path.suffix not in (OPEN, SEALED) or left <= 0:
                continue
            taken = self._take(path, left)
            left -= sum(map(len, taken))
            if taken:
                yield Lines(path.parent.name, taken)

    def landed(self, since: datetime) -> list[Path]:
        """Files of batches that landed since a time, and that were not read from the spool before."""
        folder = batches_dir(self._home)
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if changed == self._looked_at:
            return []
        self._looked_at = changed
        first = f"{since.astimezone(UTC):%Y%m%dT%H%M%S}"
        found = []
        for path in sorted(folder.glob("[0-9]*.json")):
            if path.name < first or path.stem in self._seen:
                continue
            self._seen.add(path.stem)
            if (file := self._file_of(path)) is not None:
                found.append(file)
        self._seen = {name for name in self._seen if name >= first}
        return found

    def _file_of(self, manifest: Path) -> Path | None:
        try:
            told = json.loads(manifest.read_bytes())
        except (OSError, ValueError):  # taken back since it was listed
            return None
        source = told["source"]
        if source["name"].startswith(f"{RECEIVED}/"):
            stem = Path(source["name"]).stem
            read = self._read.pop(stem, 0)
            if read >= source["bytes"]:
                return None
        return None if told["path"] is None else self._home / told["path"]

    def _take(self, path: Path, most: int) -> list[str]:
        """The whole lines that were written to a file since it was read last."""
        read = self._read.get(path.stem, 0)
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                # a tail that the disk did not take was cut off again
                read = min(read, size)
                file.seek(read)
                text = file.read(most)
                while text and b"\n" not in text and file.tell() < size:
                    text += file.read(most)
        except FileNotFoundError:  # it has landed since it was listed
            return []
        end = text.rfind(b"\n") + 1
        self._read[path.stem] = read + end
        return [line.decode("utf-8", "replace") for line in text[:end].splitlines() if line]
