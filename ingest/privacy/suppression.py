"""Whose events are not stored any more: ids as keyed digests, so that the list names nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from pathlib import Path

from ingest.landing.paths import publish_file
from ingest.landing.taking_back import Id, sender
from ingest.privacy.key import Key


class Suppression:
    """The list of a home.

    An entry is the digest of an id that counts in every app; of one that counts in its app alone, the app follows.
    """

    def __init__(self, home: Path) -> None:
        self._path, self._key = home / "privacy" / "suppressed.json", Key(home)
        self._known: dict[Id, bool] = {}
        try:
            self.entries: set[str] = set(json.loads(self._path.read_text()))
        except FileNotFoundError:
            self.entries = set()

    def entry(self, each: Id) -> str:
        """What stands in the list for an id."""
        digest = self._key.digest(f"{each.kind}\0{each.id}").hex()
        return f"{digest} {each.app}" if each.app else digest

    def are_in(self, entries: Set[str], each: Id) -> bool:
        """Whether entries are of an id, in its app or in all of them."""
        return not entries.isdisjoint((entry := self.entry(each), entry.partition(" ")[0]))

    def add(self, ids: Iterable[Id]) -> None:
        """Store nothing of these ids from now on."""
        self._write(self.entries | {self.entry(each) for each in ids})

    def remove(self, ids: Iterable[Id]) -> int:
        """Store events of these ids again, in every app; return how many of them were in the list."""
        told = {self.entry(each).partition(" ")[0] for each in ids}
        gone = {entry for entry in self.entries if entry.partition(" ")[0] in told}
        self._write(self.entries - gone)
        return len({entry.partition(" ")[0] for entry in gone})

    def holds(self, user: str | None, device: str | None, app: str) -> bool:
        """Whether an event of a user, or of a device that names no user, is not to be stored."""
        asked = sender(user, device, app)
        if asked not in self._known:
            self._known[asked] = self.are_in(self.entries, asked)
        return self._known[asked]

    def _write(self, entries: set[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(sorted(entries)))
        publish_file(fresh, self._path)
        self.entries, self._known = entries, {}
