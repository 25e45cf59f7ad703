"""Assignment while a server runs: the definitions as they are now, and each exposure recorded once."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.experiments.definitions import EXPOSURE, SEEDS, Experiment, ExperimentError, read_experiments
from ingest.settings import project_folder

log = logging.getLogger("footfall.experiments")
# who has been exposed already, by this server; one that is told again is one event still, by its id
REMEMBERED = 100_000
FIELDS = {"person": "user_id", "device": "anonymous_id", "account": "account_id"}
Record = Callable[[str, list[dict[str, Any]]], Awaitable[None]]


def conversion_event(key: str) -> str:
    """The event that a test which is made over HTTP counts: of its own, as others count theirs."""
    return f"{key}_converted"


class Experiments:
    """The experiments that the seeds define, read again when a seed changes."""

    def __init__(self, record: Record, project: Path | None = None) -> None:
        self._record, self._project = record, project
        self._stamp: tuple[int, ...] = ()
        self._found: dict[str, Experiment] = {}
        self._told: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def all(self) -> dict[str, Experiment]:
        """Every experiment by its key; those before the last change, while the seeds are being written.

        Raises:
            ExperimentError: when a definition is not legal.
        """
        seeds = (self._project or project_folder()) / "seeds"
        try:
            stamp = tuple(part for seed in SEEDS for part in _stamp(seeds / f"{seed}.csv"))
        except FileNotFoundError:
            return {}
        if stamp != self._stamp:
            self._found = {each.experiment: each for each in read_experiments(self._project)}
            self._stamp = stamp
        return self._found

    def of(self, key: str) -> Experiment | None:
        """The experiment of this key, or None."""
        return self.all().get(key)

    async def exposed(self, app: str, experiment: Experiment, unit: str) -> str | None:
        """The variant of a unit; that it was exposed to it is recorded once, while the experiment runs."""
        variant = experiment.variant_of(unit) if is_running(experiment) else None
        if variant is None:
            return None
        told = (app, experiment.experiment, unit)
        if told not in self._told:
            name = hashlib.sha256("\0".join(told).encode("utf-8", "surrogatepass")).hexdigest()[:32]
            event = {
                "event_id": f"exposure:{name}",
                "event_name": EXPOSURE,
                "occurred_at": datetime.now(UTC).isoformat(timespec="microseconds"),
                FIELDS[experiment.unit]: unit,
                "properties": {"experiment": experiment.experiment, "variant": variant},
            }
            await self._record(app, [event])
            self._told[told] = None
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
        return variant

    def are_there(self, app: str) -> bool:
        """Whether an experiment of an app runs."""
        return bool(self._running(app))

    def variants(self, app: str, ids: Mapping[str, str]) -> dict[str, str]:
        """The variant in each running experiment of an app, of who has these ids by kind of unit; none is recorded."""
        return {
            each.experiment: variant
            for each in self._running(app)
            if each.unit in ids and (variant := each.variant_of(ids[each.unit])) is not None
        }

    def _running(self, app: str) -> list[Experiment]:
        """Those that run; while their seeds are not legal none, lest an SDK get no answer."""
        try:
            return [each for each in self.all().values() if each.app == app and is_running(each)]
        except ExperimentError as error:
            log.error("no variant is assigned: %s", error)
            return []


def is_running(experiment: Experiment) -> bool:
    """Whether today lies within its days, in UTC."""
    today = datetime.now(UTC).date()
    return experiment.start_date <= today and (experiment.end_date is None or today <= experiment.end_date)


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size
