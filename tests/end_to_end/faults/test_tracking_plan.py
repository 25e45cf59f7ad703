"""What breaks the tracking plan is kept, and told where its reader looks."""

import json
from typing import Any

import ingest
from orchestration.cli.status import BROKEN_PLAN, UNDECLARED_EVENTS
from tests.end_to_end.faults.files import ndjson

TYPES = ("bigint", "varchar", "double", "timestamp", "boolean", "json")
SEEDS = {
    "tracking_plan": [
        "lesson_done,lesson_id,varchar,true",
        *(f"lesson_done,as_{kind},{kind},false" for kind in TYPES),
        "lesson_left,,,",
    ]
}
READABLE = {
    "bigint": [3, "3", 3.0],
    "varchar": ["x", 3, True],
    "double": [0.5, "1e3", 2],
    "timestamp": ["2024-05-06T07:08:09Z", 1714979289, "2024-05-06 07:08"],
    "boolean": [True, "false", "TRUE"],
    "json": [[], {"a": 1}, "[1]"],
}
UNREADABLE = {
    "bigint": [3.5, "three"],
    "varchar": [["x"], {"a": 1}],
    "double": ["1,5.2", True],
    "timestamp": ["soon", 0],
    "boolean": [2, "yes"],
    "json": ["x", 1],
}


def lesson(number: str, name: str = "lesson_done", app: str = "plan", **properties: Any) -> dict[str, Any]:
    return {"app": app, "event_id": f"plan-{number}", "event_name": name, "occurred_at": "2024-05-06T07:08:09Z"} | {
        "user_id": "plan-u",
        "properties": properties,
    }


FILES = [
    ndjson(
        "plan.ndjson",
        *(
            lesson(f"{kind}-{kept}-{n}", lesson_id="l1", **{f"as_{kind}": value})
            for kept, values in (("kept", READABLE), ("broken", UNREADABLE))
            for kind in TYPES
            for n, value in enumerate(values[kind])
        ),
        # absent, null and blank are one; of two faults in an event both are told, and the event counts once
        lesson("absent"),
        lesson("null", lesson_id=None),
        lesson("blank", lesson_id=" ", as_bigint="many"),
        lesson("more", lesson_id="l1", teacher="ada", amount_cents=5, **{"$lib": "web"}),
        lesson("left", "lesson_left", mood="good"),
        lesson("known", "page_view", anything=1),
        lesson("unknown", "lesson_skipped", anything=1),
    ),
    ndjson("plan-of-another.ndjson", lesson("elsewhere", app="plan_elsewhere", lesson_id="l1")),
    # a property that no event of an app has is no property of it, and a spelling is its canonical event
    ndjson("plan-shop.ndjson", lesson("shop", "Product Viewed", "plan_shop", sku="A1", price="cheap")),
]


def test_events_that_break_the_plan_are_kept_and_counted(built):
    found = built.execute(
        """select app, event_name, declared_in, events, broken_events, example_event_id
        from fct_tracked_events where app in ('plan', 'plan_elsewhere', 'plan_shop') order by all"""
    ).fetchall()
    broken, kept = 3 + 2 * len(TYPES), 1 + 3 * len(TYPES)
    assert found == [
        ("plan", "lesson_done", "tracking_plan", broken + kept, broken, "plan-absent"),
        ("plan", "lesson_left", "tracking_plan", 1, 0, None),
        ("plan", "lesson_skipped", "nowhere", 1, 0, None),
        ("plan", "page_view", "event_catalog", 1, 0, None),
        ("plan_elsewhere", "lesson_done", "tracking_plan", 1, 0, None),
        ("plan_shop", "product_viewed", "tracking_plan", 1, 1, "plan-shop"),
    ]


def test_every_property_says_what_is_wrong_with_it(built):
    found = built.execute(
        """select property, is_planned, is_required, events, missing_events, mistyped_events, example_event_id,
            example_value
        from fct_tracked_properties where app = 'plan' order by event_name, property"""
    ).fetchall()
    assert found == [
        ("as_bigint", True, False, 6, 0, 3, "plan-bigint-broken-0", "3.5"),
        ("as_boolean", True, False, 5, 0, 2, "plan-boolean-broken-0", "2"),
        ("as_double", True, False, 5, 0, 2, "plan-double-broken-0", "1,5.2"),
        ("as_json", True, False, 5, 0, 2, "plan-json-broken-0", "x"),
        ("as_timestamp", True, False, 5, 0, 2, "plan-timestamp-broken-0", "soon"),
        ("as_varchar", True, False, 5, 0, 2, "plan-varchar-broken-0", '["x"]'),
        ("lesson_id", True, True, 1 + 5 * len(TYPES), 3, 0, "plan-absent", None),
        ("teacher", False, False, 1, 0, 0, "plan-more", None),
        ("mood", False, False, 1, 0, 0, "plan-left", None),
    ]
    shop = "select property, missing_events, mistyped_events, example_value from fct_tracked_properties"
    assert built.execute(f"{shop} where app = 'plan_shop' order by 1").fetchall() == [
        ("price", 0, 1, "cheap"),
        ("product_id", 1, 0, None),
        ("sku", 0, 0, None),
    ]


def test_status_asks_for_what_breaks_the_plan_and_for_names_that_are_declared_nowhere(built):
    asked = [query.replace("published.", "main.") for query in (BROKEN_PLAN, UNDECLARED_EVENTS)]
    broken, undeclared = (built.execute(query).fetchall() for query in asked)
    assert ("plan_shop", "product_viewed", "product_id", 1, 0) in broken
    assert ("plan", 1) in undeclared


def test_a_load_that_quarantines_takes_the_very_events_that_models_report(built, faults_home, tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTFALL_PROJECT_DIR", str(faults_home.parent / "project"))
    monkeypatch.setenv("FOOTFALL_PLAN_VIOLATIONS", "quarantine")
    for file in FILES:
        (tmp_path / file.name).write_text(str(file.content))
        (receipt,) = ingest.load([tmp_path / file.name], tmp_path / "home")
        app = next(iter(json.loads(line)["app"] for line in str(file.content).splitlines()))
        reported = "select sum(events), sum(broken_events) from fct_tracked_events where app = ?"
        assert built.execute(reported, [app]).fetchone() == (receipt.received, receipt.quarantined)
        assert set(receipt.quarantined_by_reason) <= {"breaks_tracking_plan"}
