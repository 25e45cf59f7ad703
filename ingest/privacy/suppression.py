"""Whose events are not stored, as erased or opted out: ids as keyed digests, so that the lists name nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from ingest.landing.paths import publish_file
from ingest.landing.taking_back import DEVICE, USER, Id, sender
from ingest.privacy.cleaning import Cleaner
from ingest.privacy.key import Key

# the lists, in the order in which they are asked
SUPPRESSED, OPTED_OUT = "suppressed", "opted_out"


class Suppression:
    """A list of a home: of those who were erased, unless another is named.

    An entry is the digest of an id that counts in every app; of one that counts in its app alone, the app follows.
    """

    def __init__(self, home: Path, name: str = SUPPRESSED) -> None:
        self._path, self._key = home / "privacy" / f"{name}.json", Key(home)
        self._known: dict[Id, bool] = {}
        self.entries = self._read()

    def entry(self, each: Id) -> str:
        """What stands in the list for an id."""
        digest = self._key.digest(f"{each.kind}\0{each.id}").hex()
        return f"{digest} {each.app}" if each.app else digest

    def are_in(self, entries: Set[str], each: Id) -> bool:
        """Whether entries are of an id, in its app or in all of them."""
        return not entries.isdisjoint((entry := self.entry(each), entry.partition(" ")[0]))

    def add(self, ids: Iterable[Id]) -> None:
        """Store nothing of these ids from now on."""
        with self._changing():
            self._write(self.entries | {self.entry(each) for each in ids})

    def remove(self, ids: Iterable[Id]) -> int:
        """Store events of these ids again; return how many of them were in the list.

        One without an app is let in everywhere, one of an app there alone.
        """
        with self._changing():
            gone = {entry for each in ids for entry in self.entries if self._is_of(entry, each)}
            self._write(self.entries - gone)
        return len({entry.partition(" ")[0] for entry in gone})

    def refresh(self) -> None:
        """Read the list again, for those who ask it for longer than a load takes."""
        if (entries := self._read()) != self.entries:
            self.entries, self._known = entries, {}

    def holds(self, user: str | None, device: str | None, app: str) -> bool:
        """Whether an event of a user, or of a device that names no user, is of somebody in the list."""
        return self.holds_id(sender(user, device, app))

    def holds_id(self, asked: Id) -> bool:
        """Whether an id is in the list, in its app or in all of them."""
        if not self.entries:
            return False
        if asked not in self._known:
            self._known[asked] = self.are_in(self.entries, asked)
        return self._known[asked]

    def _is_of(self, entry: str, each: Id) -> bool:
        return entry == self.entry(each) if each.app else entry.partition(" ")[0] == self.entry(each)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the list as it is now: requests and commands change it side by side."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock")):
            self.entries = self._read()
            yield

    def _read(self) -> set[str]:
        try:
            return set(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return set()

    def _write(self, entries: set[str]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(sorted(entries)))
        publish_file(fresh, self._path)
        self.entries, self._known = entries, {}


class NobodyNamed(ValueError):
    """No id was told, or a blank one."""


def as_stored(cleaner: Cleaner, users: Iterable[str], devices: Iterable[str], app: str | None = None) -> set[Id]:
    """Ids as they were told and as they are stored, which differ where they are e-mail addresses.

    Raises:
        NobodyNamed: when that is nobody.
    """
    told = {Id(USER, each.strip(), app) for each in users} | {Id(DEVICE, each.strip(), app) for each in devices}
    if not all(each.id for each in told) or not told:
        raise NobodyNamed("Name a person by the id of a user or of a device; a blank one is nobody.")
    return told | {Id(each.kind, cleaner.id(each.id, app or "", "user_id"), app) for each in told}


def choose(home: Path, ids: Iterable[Id], opts_out: bool) -> None:
    """Keep what persons chose: store nothing of their events from now on, or store them again."""
    chosen = Suppression(home, OPTED_OUT)
    if opts_out:
        chosen.add(ids)
    else:
        chosen.remove(ids)


class Unwanted:
    """All lists of a home: whether an event is of somebody of whom nothing is stored, and by which list."""

    def __init__(self, home: Path) -> None:
        self._erased, self._opted_out = Suppression(home, SUPPRESSED), Suppression(home, OPTED_OUT)

    def __bool__(self) -> bool:
        return bool(self._erased.entries or self._opted_out.entries)

    def refresh(self) -> None:
        """Read the lists again."""
        self._erased.refresh()
        self._opted_out.refresh()

    def list_of(self, user: str | None, device: str | None, app: str) -> str | None:
        """The name of the list, or None.

        Who was erased may share a device, which goes on for the others. Who opted out did so on that device for all.
        """
        if self._erased.holds(user, device, app):
            return SUPPRESSED
        ids = (Id(kind, each, app) for kind, each in ((USER, user), (DEVICE, device)) if each)
        return OPTED_OUT if any(map(self._opted_out.holds_id, ids)) else None
