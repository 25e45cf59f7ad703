"""Whose events are not stored, as erased or opted out: ids as keyed digests, so that the lists name nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from ingest.distinct import remembered
from ingest.landing.paths import append_lines, publish_file, read_lines
from ingest.landing.taking_back import DEVICE, USER, Id, sender
from ingest.privacy.cleaning import Cleaner
from ingest.privacy.key import Key

# the lists, in the order in which they are asked
SUPPRESSED, OPTED_OUT = "suppressed", "opted_out"
ADDED, REMOVED = "+", "-"
# so much at least is changed beside the list before it is written anew
LEAST_FOLDED_BYTES = 64 * 1024


class Suppression:
    """A list of a home: of those who were erased, unless another is named.

    An entry is the digest of an id that counts in every app; of one that counts in its app alone, the app follows. The
    list is a file of entries and one of what changed since, a line each, so that a choice costs no more in a long one.
    """

    def __init__(self, home: Path, name: str = SUPPRESSED) -> None:
        key, self._list = Key(home), home / "privacy" / f"{name}.json"
        self._changes = self._list.with_suffix(".ndjson")
        self._digest = remembered(lambda text: key.digest(text).hex())
        self._forget()

    def _forget(self) -> None:
        self._entries: set[str] | None = None
        self._stamped: list[tuple[int, ...]] = []

    def entry(self, each: Id) -> str:
        """What stands in the list for an id."""
        digest = self._digest(f"{each.kind}\0{each.id}")
        return f"{digest} {each.app}" if each.app else digest

    def are_in(self, entries: Set[str], each: Id) -> bool:
        """Whether entries are of an id, in its app or in all of them."""
        return not entries.isdisjoint((entry := self.entry(each), entry.partition(" ")[0]))

    @property
    def entries(self) -> set[str]:
        """The entries, read when they are first asked for."""
        if self._entries is None:
            self._stamped, self._entries = self._stamp(), self._read()
        return self._entries

    def add(self, ids: Iterable[Id]) -> None:
        """Store nothing of these ids from now on."""
        with self._changing():
            self._write(ADDED, map(self.entry, ids))

    def remove(self, ids: Iterable[Id]) -> int:
        """Store events of these ids again; return how many of them were in the list.

        One without an app is let in everywhere, one of an app there alone.
        """
        named = set(map(self.entry, ids))
        with self._changing():
            gone = {entry for entry in self.entries if entry in named or entry.partition(" ")[0] in named}
            self._write(REMOVED, gone)
        return len({entry.partition(" ")[0] for entry in gone})

    def refresh(self) -> None:
        """Read the list again, for those who ask it for longer than a load takes."""
        if self._stamp() != self._stamped:
            self._forget()

    def holds_id(self, asked: Id) -> bool:
        """Whether an id is in the list, in its app or in all of them."""
        return bool(self.entries) and self.are_in(self.entries, asked)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the list as it is now: requests and commands change it side by side."""
        self._list.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._list.with_suffix(".lock")):
            self._forget()
            yield
            self._forget()

    def _stamp(self) -> list[tuple[int, ...]]:
        """What is another whenever the list is."""
        found: list[tuple[int, ...]] = []
        for path in (self._changes, self._list):
            with suppress(FileNotFoundError):
                now = path.stat()
                found.append((now.st_ino, now.st_size, now.st_mtime_ns))
        return found

    def _read(self) -> set[str]:
        # the changes first: those that go into the list meanwhile are in it then, and may be made twice
        changes, entries = read_lines(self._changes), set[str]()
        with suppress(FileNotFoundError):
            entries = set(json.loads(self._list.read_text()))
        for change, entry in changes:
            (entries.add if change == ADDED else entries.discard)(entry)
        return entries

    def _write(self, change: str, entries: Iterable[str]) -> None:
        changes = [(change, entry) for entry in sorted(entries)]
        if not changes:
            return
        append_lines(self._changes, changes)
        listed = self._list.stat().st_size if self._list.exists() else 0
        if self._changes.stat().st_size > max(LEAST_FOLDED_BYTES, listed / 4):
            fresh = self._list.with_suffix(".new")
            fresh.write_text(json.dumps(sorted(self._read())))
            publish_file(fresh, self._list)
            self._changes.unlink()


class NobodyNamed(ValueError):
    """No id was told, or a blank one."""


def as_stored(cleaner: Cleaner, users: Iterable[str], devices: Iterable[str], app: str | None = None) -> set[Id]:
    """Ids as they were told and as they may be stored, which differ where they are e-mail addresses.

    Raises:
        NobodyNamed: when that is nobody.
    """
    told = [(kind, each.strip()) for kind, listed in ((USER, users), (DEVICE, devices)) for each in listed]
    if not told or not all(each for _, each in told):
        raise NobodyNamed("Name a person by the id of a user or of a device; a blank one is nobody.")
    return {Id(kind, form, app) for kind, each in told for form in cleaner.forms(each)}


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
        asked = sender(user, device, app)
        if self._erased.holds_id(asked):
            return SUPPRESSED
        is_out = self._opted_out.holds_id
        return OPTED_OUT if is_out(asked) or (device and is_out(Id(DEVICE, device, app))) else None
