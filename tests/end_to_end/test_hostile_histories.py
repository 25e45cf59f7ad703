"""Hostile but legal histories in every format, against plain sums over what was delivered and never another build."""

import os
from collections import Counter
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

import ingest
from tests.end_to_end.audit import Counts, counts, landed
from tests.end_to_end.hostile import History, history, write

STORIES = int(os.environ.get("FOOTFALL_PROPERTY_HISTORIES", "80"))
SEED = int(os.environ.get("FOOTFALL_PROPERTY_SEED", "1"))


@pytest.fixture(scope="module")
def told() -> History:
    return history(STORIES, SEED)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def receipts(told: History, home: Path) -> list[ingest.BatchReceipt]:
    """What the loads of all files say; a file may be loaded again."""
    return [
        receipt
        for file, path in zip(told.files, write(told, home, SEED), strict=True)
        for _ in range(file.loads)
        for receipt in ingest.load([path], home, app=file.app, timezone=file.zone)
    ]


def difference(found: Counter[Hashable], expected: Counter[Hashable]) -> dict[str, list[str]]:
    """What only one of two bags has; of much only a little, to be read."""
    sides = {"found": found - expected, "expected": expected - found}
    return {
        name: [*sorted(map(str, side.elements()))[:8], f"{side.total()} in all"] for name, side in sides.items() if side
    }


def test_every_row_is_accepted_or_a_duplicate_or_refused_with_its_reason(
    told: History, receipts: list[ingest.BatchReceipt]
) -> None:
    refused: Counter[str] = Counter()
    for receipt in receipts:
        refused.update(receipt.quarantined_by_reason)
    found = Counts(
        sum(receipt.received for receipt in receipts),
        sum(receipt.accepted for receipt in receipts),
        sum(receipt.duplicate for receipt in receipts),
        dict(refused),
    )
    assert found == counts(told)


def test_every_content_lands_once_and_says_what_is_true(
    told: History, home: Path, receipts: list[ingest.BatchReceipt]
) -> None:
    sent = {delivery.event.nonce: delivery.event for delivery in told.deliveries}
    rows = duckdb.sql(f"""
        select (properties ->> '$.nonce')::bigint, app, event_name, occurred_at, user_id, anonymous_id, event_id
        from read_parquet('{home}/landing/events/*/*.parquet')""").fetchall()
    found: Counter[Hashable] = Counter()
    for nonce, app, name, at, user, device, event_id in rows:
        assert isinstance(at, datetime)
        # what came without an id has one of its content
        known_id = None if sent[nonce].event_id is None else event_id
        found[nonce, app, name, at.replace(tzinfo=UTC), user, device, known_id] += 1
    expected: Counter[Hashable] = Counter()
    for nonce, times in landed(told).items():
        event = sent[nonce]
        expected[nonce, event.app, event.name, event.at, event.user, event.device, event.event_id] += times
    assert difference(found, expected) == {}
