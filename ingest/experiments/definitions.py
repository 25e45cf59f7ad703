"""What an experiment is, checked; and the three seeds that hold the definitions."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from ingest.experiments.assignment import assign
from ingest.settings import project_folder

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
EXPOSURE = "experiment_exposed"
LOCK_WAIT_SECONDS = 30.0


class ExperimentError(Exception):
    """A definition is not legal, not there, or may not be changed like that; the words say which and how to mend it."""


class SplitChangedError(ExperimentError):
    """A definition would assign units anew that have been assigned by one of the same name."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variant(_Strict):
    """One variant and its part of the traffic."""

    variant: Text
    weight: int = Field(default=1, ge=1, le=10_000)
    is_control: bool = False

    @field_validator("variant")
    @classmethod
    def _is_no_sum(cls, variant: str) -> str:
        if variant in ("all", "several"):
            raise ValueError("'all' and 'several' are sums of variants and no names of one")
        return variant


class Metric(_Strict):
    """What is counted of a unit after its first exposure; seeds/_experiments__seeds.yml says what the fields mean."""

    metric: Name
    kind: Literal["conversion", "mean", "ratio"]
    numerator: Text
    denominator: Text | None = None
    from_days: int = Field(default=0, ge=0)
    until_days: int | None = Field(default=None, ge=1)
    direction: Literal["up", "down"] = "up"
    is_primary: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Metric:
        if (self.kind == "ratio") != (self.denominator is not None):
            raise ValueError(f"metric {self.metric}: a ratio has a denominator, and the other kinds have none")
        if EXPOSURE in (self.numerator, self.denominator):
            raise ValueError(f"metric {self.metric}: an exposure is no outcome")
        if self.until_days is not None and self.until_days <= self.from_days:
            raise ValueError(f"metric {self.metric}: until_days must be above from_days")
        return self


class Experiment(_Strict):
    """An experiment with its variants and metrics; seeds/_experiments__seeds.yml says what the fields mean."""

    experiment: Name
    app: Text = "default"
    unit: Literal["person", "device", "account"] = "person"
    assigned_by: Literal["footfall", "elsewhere"] = "footfall"
    start_date: date
    end_date: date | None = None
    traffic_percent: Decimal = Field(default=Decimal(100), gt=0, le=100, decimal_places=2)
    alpha: float = Field(default=0.05, gt=0, lt=1)
    power: float = Field(default=0.8, gt=0, lt=1)
    minimum_detectable_effect: float = Field(default=0.05, gt=0)
    pre_period_days: int = Field(default=14, ge=1)
    hypothesis: str = ""
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Experiment:
        faults = []
        if self.end_date and self.end_date < self.start_date:
            faults.append("it ends before it starts")
        if self.power <= self.alpha:
            faults.append("power must be above alpha")
        if len(self.variants) < 2:
            faults.append("it needs at least two variants")
        if sum(variant.is_control for variant in self.variants) != 1:
            faults.append("exactly one variant is the control")
        if sum(metric.is_primary for metric in self.metrics) != 1:
            faults.append("exactly one metric is the primary one")
        names = Counter(variant.variant for variant in self.variants)
        names.update(f"metric {metric.metric}" for metric in self.metrics)
        faults += [f"{name} stands in it twice" for name, times in names.items() if times > 1]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def split(self) -> tuple[Any, ...]:
        """All that decides which variant a unit has."""
        weights = sorted((variant.variant, variant.weight) for variant in self.variants)
        return self.unit, self.traffic_percent, tuple(weights)

    def variant_of(self, unit: str) -> str | None:
        """The variant that the unit is assigned, or None where it does not take part, or is assigned elsewhere."""
        if self.assigned_by == "elsewhere":
            return None
        weights = {variant.variant: variant.weight for variant in self.variants}
        return assign(self.experiment, weights, unit, float(self.traffic_percent))


def checked(definition: Any) -> Experiment:
    """A definition from a file or from options.

    Raises:
        ExperimentError: with one line for each fault, naming the field.
    """
    try:
        return Experiment.model_validate(definition)
    except ValidationError as error:
        key = definition.get("experiment") if isinstance(definition, dict) else None
        lines = [f"The experiment {key or '(without a key)'} is not defined well:"]
        for fault in error.errors():
            place = ".".join(str(part) for part in fault["loc"])
            said = fault["msg"].removeprefix("Value error, ")
            lines.append(f"  {place + ': ' if place else ''}{said}")
        raise ExperimentError("\n".join(lines)) from None


def read_experiments(project: Path | None = None, mending: str | None = None) -> list[Experiment]:
    """Every experiment that the seeds define, in their order.

    Args:
        project: the folder with seeds/; that of this installation by default.
        mending: a key whose rows are passed over where a command that was stopped left it without its experiment.

    Raises:
        ExperimentError: when a definition in them is not legal.
    """
    rows, variants, metrics = (_read(project, seed) for seed in SEEDS)
    known = {mending, *(row.get("experiment") for row in rows)}
    for seed, others in (("experiment_variants", variants), ("experiment_metrics", metrics)):
        for row in others:
            if row.get("experiment") not in known:
                key = row.get("experiment")
                raise ExperimentError(
                    f"seeds/{seed}.csv names the experiment {key!r}; seeds/experiments.csv has none. "
                    f"Define it again, or run `footfall experiment remove {key}`."
                )
    return [
        checked(
            row
            | {
                name: [
                    {field: value for field, value in other.items() if field != "experiment"}
                    for other in others
                    if other.get("experiment") == row.get("experiment")
                ]
                for name, others in (("variants", variants), ("metrics", metrics))
            }
        )
        for row in rows
    ]


def read_experiment(key: str, project: Path | None = None) -> Experiment:
    """One experiment of the seeds.

    Raises:
        ExperimentError: when there is none of that key.
    """
    return _of(read_experiments(project), key)


def _of(experiments: list[Experiment], key: str) -> Experiment:
    for experiment in experiments:
        if experiment.experiment == key:
            return experiment
    known = ", ".join(experiment.experiment for experiment in experiments) or "none"
    raise ExperimentError(f"There is no experiment {key!r}. Defined are: {known}.")


def define(experiment: Experiment, change_split: bool = False, project: Path | None = None) -> bool:
    """Write a definition into the seeds, in place of one of the same key.

    Args:
        experiment: the definition.
        change_split: also where units that were exposed already would get another variant.
        project: the folder with seeds/; that of this installation by default.

    Returns:
        Whether the key is new.

    Raises:
        ExperimentError: when the split of the key would change without `change_split`, or a metric counts a spelling
            that the event catalog reports under another name.
    """
    for row in _read(project, "event_catalog"):
        name, reported = row["event_name"], row["canonical_name"]
        for metric in experiment.metrics:
            if name in (metric.numerator, metric.denominator) and name != reported:
                raise ExperimentError(
                    f"metric {metric.metric} counts {name!r}, which is reported as {reported!r} by the event catalog."
                )
    with _only_writer(project):
        others = read_experiments(project, mending=experiment.experiment)
        before = next((other for other in others if other.experiment == experiment.experiment), None)
        if before and before.split != experiment.split and not change_split:
            raise SplitChangedError(
                f"{experiment.experiment} would assign its units anew: unit, traffic or weights are not those in "
                "seeds/. Give the new split a key of its own, or say --change-split."
            )
        wanted = [experiment if other is before else other for other in others] if before else [*others, experiment]
        _write(wanted, project, reversed(SEEDS))
    return before is None


def remove(key: str, project: Path | None = None) -> None:
    """Take a definition out of the seeds; events stay, and are exposures to an unknown experiment.

    Raises:
        ExperimentError: when there is none of that key.
    """
    with _only_writer(project):
        experiments = read_experiments(project, mending=key)
        if not any(row.get("experiment") == key for seed in SEEDS for row in _read(project, seed)):
            _of(experiments, key)
        _write([other for other in experiments if other.experiment != key], project, SEEDS)


SEEDS: dict[str, tuple[str, ...]] = {
    "experiments": tuple(name for name in Experiment.model_fields if name not in ("variants", "metrics")),
    "experiment_variants": ("experiment", *Variant.model_fields),
    "experiment_metrics": ("experiment", *Metric.model_fields),
}


def _path(project: Path | None, seed: str) -> Path:
    return (project or project_folder()) / "seeds" / f"{seed}.csv"


def _read(project: Path | None, seed: str) -> list[dict[str, Any]]:
    """The rows of a seed; blank fields are left to their defaults."""
    with _path(project, seed).open(newline="", encoding="utf-8-sig") as file:
        return [{name: value for name, value in row.items() if value != ""} for row in csv.DictReader(file)]


@contextmanager
def _only_writer(project: Path | None) -> Iterator[None]:
    """Hold the lock of the seeds, which homes share."""
    path = _path(project, "experiments").with_name(".experiments.lock")
    try:
        with FileLock(path, timeout=LOCK_WAIT_SECONDS):
            yield
    except Timeout:
        raise ExperimentError(
            f"Another `footfall experiment` writes in {path.parent}. Wait for it, or stop it, and run this again."
        ) from None


def _write(experiments: list[Experiment], project: Path | None, order: Iterable[str]) -> None:
    """Write the seeds beside the old ones and then put each in its place, so that none is ever half written.

    The `order` puts experiments.csv last for a new key and first for one that goes: stopped on the way, a write leaves
    variants and metrics without an experiment, which the same command mends, and never an experiment without them.
    """
    rows: dict[str, list[dict[str, Any]]] = {seed: [] for seed in SEEDS}
    for experiment in experiments:
        key = {"experiment": experiment.experiment}
        rows["experiments"].append(experiment.model_dump(mode="json", exclude={"variants", "metrics"}))
        rows["experiment_variants"] += [key | variant.model_dump(mode="json") for variant in experiment.variants]
        rows["experiment_metrics"] += [key | metric.model_dump(mode="json") for metric in experiment.metrics]
    fresh = {}
    for seed, columns in SEEDS.items():
        path = _path(project, seed)
        fresh[seed] = path.with_name(f".{path.name}.new")
        with fresh[seed].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _field(row[name]) for name in columns} for row in rows[seed])
            file.flush()
            os.fsync(file.fileno())
    for seed in order:
        fresh[seed].replace(_path(project, seed))


def _field(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
