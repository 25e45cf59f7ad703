"""Whose events are not stored any more: ids as keyed digests, so that the list names nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ingest.landing.paths import publish_file
from ingest.landing.taking_back import DEVICE, USER, Id
from ingest.privacy.key import Key


class Suppression:
    """The list of a home."""

    def __init__(self, home: Path) -> None:
        self._path, self._key = home / "privacy" / "suppressed.json", Key(home)
        self._known: dict[tuple[str, str], bool] = {}
        try:
            self.digests: set[str] = set(json.loads(self._path.read_text()))
        except FileNotFoundError:
            self.digests = set()

    def digest(self, each: Id) -> str:
        """What stands in the list for an id."""
        return self._key.digest(f"{each.kind}\0{each.id}").hex()

    def add(self, ids: Iterable[Id]) -> None:
        """Store nothing of these ids from now on."""
        self._write(self.digests | {self.digest(each) for each in ids})

    def remove(self, ids: Iterable[Id]) -> int:
        """Store events of these ids again; return how many of them were in the list."""
        gone = self.digests & {self.digest(each) for each in ids}
        self._write(self.digests - gone)
        return len(gone)

    def holds(self, user: str | None, device: str | None) -> bool:
        """Whether an event of a user, or of a device that names no user, is not to be stored."""
        asked = (USER, user) if user else (DEVICE, device or "")
        if asked not in self._known:
            self._known[asked] = self.digest(Id(*asked)) in self.digests
        return self._known[asked]

    def _write(self, digests: set[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(sorted(digests)))
        publish_file(fresh, self._path)
        self.digests, self._known = digests, {}
