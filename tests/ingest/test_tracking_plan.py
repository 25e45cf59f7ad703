"""What breaks the tracking plan lands, or by setting is quarantined, and comes back once the plan is mended."""

import json
from pathlib import Path

import pytest

import ingest
from ingest import LoadFailed, quarantine
from ingest.collector.landing import land_received
from ingest.collector.spool import spool_dir
from tests.ingest.events import event, landed, one, quarantined, write_ndjson

PLAN = ["order_completed,order_id,varchar,true", "order_completed,revenue,double,false", "order_seen,,,"]
CATALOG = ["Order Completed,order_completed"]


def write_seeds(project: Path, plan: list[str]) -> None:
    (project / "seeds").mkdir(parents=True, exist_ok=True)
    (project / "seeds" / "tracking_plan.csv").write_text("\n".join(["event_name,property,type,is_required", *plan]))
    (project / "seeds" / "event_catalog.csv").write_text("\n".join(["event_name,canonical_name", *CATALOG]))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_seeds(tmp_path / "project", PLAN)
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(tmp_path / "project"))
    monkeypatch.setenv("FOOTFALL_PLAN_VIOLATIONS", "quarantine")
    return tmp_path / "project"


ROWS = [
    event(1, event_name="Order Completed", properties={"order_id": "o1", "revenue": "9.5", "more": 1}),
    event(2, event_name="Order Completed", properties={"order_id": " ", "revenue": "free"}),
    event(3, event_name="order_completed"),
    event(4, event_name="order_seen", properties={"anything": 1}),
    event(5, properties={"anything": 1}),
    event(6, event_name="order_completed", occurred_at="someday"),
]


def test_it_is_kept_unless_told_otherwise(tmp_path, project, monkeypatch):
    monkeypatch.delenv("FOOTFALL_PLAN_VIOLATIONS")
    receipt = one(write_ndjson(tmp_path / "f.ndjson", ROWS), tmp_path / "home")
    assert (receipt.accepted, receipt.quarantined_by_reason) == (5, {"invalid_occurred_at": 1})


def test_it_is_quarantined_with_its_bytes_beside_what_lands(tmp_path, project):
    home, file = tmp_path / "home", write_ndjson(tmp_path / "f.ndjson", ROWS)
    receipt = one(file, home)
    lines = file.read_bytes().splitlines()
    assert quarantined(home, receipt) == [
        (2, "breaks_tracking_plan", lines[1]),
        (3, "breaks_tracking_plan", lines[2]),
        (6, "invalid_occurred_at", lines[5]),
    ]
    assert [row.detail for row in quarantine.read(home, receipt.batch_id)][:2] == [
        "order_id is missing; revenue is no double: free",
        "order_id is missing",
    ]
    assert landed(home, "event_id") == [("e1",), ("e4",), ("e5",)]


@pytest.mark.parametrize("mend", ["plan", "setting"])
def test_it_comes_back_once_the_plan_is_changed(tmp_path, project, monkeypatch, mend):
    home = tmp_path / "home"
    receipt = one(write_ndjson(tmp_path / "f.ndjson", ROWS[:3]), home)
    assert quarantine.replay(home, receipt.batch_id).quarantined_by_reason == {"breaks_tracking_plan": 2}
    if mend == "plan":
        write_seeds(project, ["order_completed,order_id,varchar,false", "order_completed,revenue,varchar,"])
    else:
        monkeypatch.setenv("FOOTFALL_PLAN_VIOLATIONS", "keep")
    assert quarantine.replay(home, receipt.batch_id).accepted == 2
    assert landed(home, "event_id") == [("e1",), ("e2",), ("e3",)]


def test_what_comes_by_http_is_held_to_the_same_plan(tmp_path, project):
    home, folder = tmp_path / "home", spool_dir(tmp_path / "home") / "segment"
    folder.mkdir(parents=True)
    messages = [
        {"type": "track", "event": "Order Completed", "messageId": f"m{n}", "properties": properties}
        for n, properties in enumerate([{"order_id": "o1"}, {"orderId": "o2"}])
    ]
    told = {"receipt_id": "r", "received_at": "2025-03-01T00:00:00Z", "app": "shop", "path": "/v1/batch"}
    stamped = [{**message, "timestamp": "2025-03-01T00:00:00Z"} for message in messages]
    (folder / "a.ndjson").write_text(json.dumps(told | {"body": {"batch": stamped}}) + "\n")
    (receipt,) = land_received(home)
    assert (receipt.accepted, receipt.quarantined_by_reason) == (1, {"breaks_tracking_plan": 1})
    ((_, _, raw),) = quarantined(home, receipt)
    assert json.loads(raw)["events"] == stamped[1:]
    write_seeds(project, [])
    assert quarantine.replay(home, receipt.batch_id).accepted == 1
    assert landed(home, "event_id, app") == [("m0", "shop"), ("m1", "shop")]


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (None, "No such file"),
        (["a,b,varchar,perhaps"], "perhaps"),
        (["a,b,varchar,", "a,b,double,"], "twice|unique|duplicate"),
    ],
)
def test_a_plan_that_cannot_be_read_lets_nothing_by(tmp_path, project, plan, fault):
    (project / "seeds" / "tracking_plan.csv").unlink() if plan is None else write_seeds(project, plan)
    with pytest.raises(LoadFailed, match=f"tracking_plan.csv.*(?i:{fault}).*FOOTFALL_PLAN_VIOLATIONS"):
        ingest.load([write_ndjson(tmp_path / "f.ndjson", ROWS)], tmp_path / "home")
    assert landed(tmp_path / "home") == []
