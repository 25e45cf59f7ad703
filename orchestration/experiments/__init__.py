"""Experiments: their definitions, which live in seeds/, and which variant a unit has."""

from orchestration.experiments.assignment import assign
from orchestration.experiments.definitions import (
    Experiment,
    ExperimentError,
    Metric,
    Variant,
    define,
    read_experiment,
    read_experiments,
    remove,
)

__all__ = [
    "Experiment",
    "ExperimentError",
    "Metric",
    "Variant",
    "assign",
    "define",
    "read_experiment",
    "read_experiments",
    "remove",
]
