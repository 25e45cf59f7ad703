"""Which variant of an experiment a unit has: the same on every machine, in Python and in the models' SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

BUCKETS = 10_000


def assign(experiment: str, weights: Mapping[str, int], unit: str, traffic_percent: float = 100) -> str | None:
    """The variant of a unit, or None where it does not take part.

    The MD5 of `experiment:unit` in UTF-8 is cut into two numbers of 64 bits, little endian. The second, modulo 10,000,
    is below 100 x `traffic_percent` for who takes part. The first, modulo the sum of the weights, lies in the part of
    the unit's variant; variants stand in the order of their names (code points). So more traffic changes nobody's
    variant. macros/engines/experiment_assignment.sql says the same in SQL.

    Args:
        experiment: its key.
        weights: each variant's part of the traffic, whole numbers.
        unit: the id, letter for letter.
        traffic_percent: share of units that take part, with two decimals at most.

    Raises:
        UnicodeEncodeError: when the unit is no text that UTF-8 can write.
    """
    digest = hashlib.md5(f"{experiment}:{unit}".encode(), usedforsecurity=False).digest()
    if int.from_bytes(digest[8:], "little") % BUCKETS >= round(100 * traffic_percent):
        return None
    place = int.from_bytes(digest[:8], "little") % sum(weights.values())
    for variant in sorted(weights):
        if place < weights[variant]:
            return variant
        place -= weights[variant]
    raise AssertionError("the place lies below the sum of the weights")
