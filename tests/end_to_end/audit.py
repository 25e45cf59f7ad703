"""What must become of hostile histories, as plain sums: written from the definitions alone, never the SQL."""

from collections import Counter
from dataclasses import dataclass

from tests.end_to_end.hostile import History


def landed(history: History) -> Counter[int]:
    """How often each nonce must have landed: once, and without an id as often as the file with most of it has it."""
    found: Counter[int] = Counter()
    for (_, nonce), times in Counter((d.file, d.event.nonce) for d in history.deliveries).items():
        found[nonce] = max(found[nonce], times)
    ids = {delivery.event.nonce: delivery.event.event_id for delivery in history.deliveries}
    return Counter({nonce: times if ids[nonce] is None else 1 for nonce, times in found.items()})


@dataclass(frozen=True)
class Counts:
    """What the receipts of all loads add up to."""

    received: int
    accepted: int
    duplicate: int
    quarantined: dict[str, int]


def counts(history: History) -> Counts:
    """What the receipts of all loads must add up to."""
    delivered = sum(delivery.file.loads for delivery in history.deliveries)
    refused: Counter[str] = Counter()
    for row in history.refused:
        refused[row.reason] += row.file.loads
    accepted = sum(landed(history).values())
    return Counts(delivered + refused.total(), accepted, delivered - accepted, dict(refused))
