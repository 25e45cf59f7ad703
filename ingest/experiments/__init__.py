"""Experiments: their definitions, which live in seeds/, and which variant a unit has."""

from ingest.experiments.assignment import assign
from ingest.experiments.definitions import (
    Experiment,
    ExperimentError,
    Metric,
    SplitChangedError,
    Variant,
    checked,
    define,
    read_experiment,
    read_experiments,
    remove,
)

__all__ = [
    "Experiment",
    "ExperimentError",
    "Metric",
    "SplitChangedError",
    "Variant",
    "assign",
    "checked",
    "define",
    "read_experiment",
    "read_experiments",
    "remove",
]
