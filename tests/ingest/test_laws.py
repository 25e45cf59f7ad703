"""Laws of loading, over random files: nothing is lost, and no order or repetition of loads changes what landed."""

import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.events import event, landed, one

NUMBERS = itertools.count()
IDENTIFIED = st.integers(0, 8).map(lambda number: json.dumps(event(number)))
CHANGED = st.integers(0, 3).map(lambda number: json.dumps(event(number, properties={"changed": number})))
UNIDENTIFIED = st.sampled_from(["a", "b"]).map(
    lambda name: json.dumps({"event_name": name, "occurred_at": "2025-01-01"})
)
BAD = st.sampled_from(["{", "[1]", '{"event_name": "x"}', '{"event_name": "x", "occurred_at": 1, "properties": 3}'])
BLANK = st.sampled_from(["", "  "])
ROWS = st.lists(st.one_of(IDENTIFIED, CHANGED, UNIDENTIFIED, BAD, BLANK), max_size=12)


def write(folder: Path, rows: list[str]) -> Path:
    path = folder / f"{next(NUMBERS)}.ndjson"
    path.write_text("".join(row + "\n" for row in rows))
    return path


def expected(rows: list[str]) -> list[str]:
    """The landing of these rows by plain Python: identified copies once, unidentified rows as often as they come."""
    parsed: list[Any] = []
    for row in rows:
        try:
            content = json.loads(row)
        except json.JSONDecodeError:
            continue
        if (
            isinstance(content, dict)
            and "occurred_at" in content
            and not isinstance(content.get("properties", {}), int)
        ):
            parsed.append(content)
    identified = {json.dumps(content, sort_keys=True) for content in parsed if "event_id" in content}
    return sorted([*identified, *(json.dumps(c, sort_keys=True) for c in parsed if "event_id" not in c)])


def in_landing(home: Path) -> list[str]:
    rows = []
    for event_id, name, user, at, properties in landed(
        home, "event_id, event_name, user_id, strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ'), properties"
    ):
        if user is None:
            rows.append({"event_name": name, "occurred_at": at[:10]})
        else:
            row = {"event_id": event_id, "event_name": name, "user_id": user, "occurred_at": at}
            rows.append(row if properties == "{}" else {**row, "properties": json.loads(properties)})
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, data=st.data())
def test_a_file_grown_shuffled_and_loaded_again_lands_as_if_loaded_once(rows, data):
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Path(name) / "home"
        for size in data.draw(st.lists(st.integers(0, len(rows)), max_size=3), "prefixes"):
            one(write(folder, data.draw(st.permutations(rows[:size]))), home)
        last = one(write(folder, data.draw(st.permutations(rows))), home)
        good = [row for row in rows if row.strip() and expected([row])]
        bad = [row for row in rows if row.strip() and not expected([row])]
        assert (last.received, last.quarantined) == (len(good) + len(bad), len(bad))
        assert in_landing(home) == expected(rows)
        assert one(write(folder, rows), home).accepted == 0
