"""How far a destination has come, and which events it did not take: on disk, so that a kill loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ingest.landing.paths import append_lines, publish_file, read_lines

# an event's place in its batch: time in microseconds, id, content hash
Place = tuple[int, str, int]


@dataclass
class Progress:
    """What was sent on.

    Attributes:
        mark: every batch up to this id is done.
        done: batches beyond it that are done too: one that began to load before them may still be committed.
        begun: of a batch that is not done, the place of the last event that is.
        sent: events that were taken.
        refused: events that were not, which are dead letters.
        last_sent_at: when events were taken last, ISO 8601 in UTC.
        fault: why the last run left something; None when it left nothing.
    """

    mark: str = ""
    done: list[str] = field(default_factory=list)
    begun: dict[str, Place] = field(default_factory=dict)
    sent: int = 0
    refused: int = 0
    last_sent_at: str | None = None
    fault: str | None = None

    def is_done(self, batch_id: str) -> bool:
        """Whether nothing of a batch is left to send."""
        return batch_id <= self.mark or batch_id in self.done

    def finish(self, batch_id: str, floor: str) -> None:
        """Note that a batch is done, and all before it; from `floor` on others may still be committed."""
        self.begun.pop(batch_id, None)
        if batch_id < floor:
            self.mark = max(self.mark, batch_id)
            self.done = [each for each in self.done if each > self.mark]
        else:
            self.done.append(batch_id)

    def advance(self, floor: str) -> None:
        """Put the mark as far as no batch below `floor`, the least id that may still be committed, is not done."""
        passed = [batch_id for batch_id in self.done if batch_id < floor]
        if passed:
            self.mark = max(self.mark, *passed)
            self.done = sorted(batch_id for batch_id in self.done if batch_id > self.mark)


@dataclass(frozen=True)
class DeadLetter:
    """An event that was not taken: where it lies, not what it says, so that what is erased is erased here too."""

    batch_id: str
    place: Place
    reason: str
    refused_at: str


class Records:
    """The files of one destination in a home."""

    def __init__(self, folder: Path, destination: str) -> None:
        self.folder, self._progress = folder, folder / f"{destination}.json"
        self._dead = folder / f"{destination}.dead.ndjson"
        self.lock = folder / f".{destination}.lock"
        folder.mkdir(parents=True, exist_ok=True)

    def read(self) -> Progress:
        """The progress; from the beginning where there is none."""
        try:
            told = json.loads(self._progress.read_text())
        except FileNotFoundError:
            return Progress()
        told["begun"] = {batch: tuple(place) for batch, place in told["begun"].items()}
        return Progress(**told)

    def write(self, progress: Progress) -> None:
        """Keep the progress, durably, whole or not at all."""
        _put(self._progress, json.dumps(asdict(progress)))

    def bury(self, letters: Iterable[DeadLetter]) -> None:
        """Add dead letters, durably."""
        append_lines(self._dead, map(asdict, letters))

    def dead(self) -> list[DeadLetter]:
        """The dead letters, each event once, by its last refusal; a line that a kill tore is none."""
        found: dict[tuple[str, Place], DeadLetter] = {}
        for told in read_lines(self._dead):
            letter = DeadLetter(**{**told, "place": tuple(told["place"])})
            found[letter.batch_id, letter.place] = letter
        return list(found.values())

    def keep_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Have these dead letters and no others."""
        _put(self._dead, "".join(f"\n{json.dumps(asdict(letter))}" for letter in letters))


def now() -> str:
    """The time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _put(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    publish_file(fresh, path)
