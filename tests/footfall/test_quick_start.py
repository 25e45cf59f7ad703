"""The quick start of product guides runs as it is written there, but for the line that imports."""

import json
from pathlib import Path

import pytest

import footfall.client
from footfall import AnalyticsError, EventType, UserSegment, get_user_analytics_service
from ingest.collector.landing import land_leftovers
from tests.end_to_end.dbt_project import copy_project
from tests.footfall.test_reading import small_home
from tests.footfall.test_real_server import rows
from tests.ingest.collector.conftest import serving

FAST = {"FOOTFALL_BATCH_SIZE": "50", "FOOTFALL_FLUSH_INTERVAL_SECONDS": "0.3"}


def test_the_quick_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, project = small_home(tmp_path / "home"), copy_project(tmp_path / "project")
    monkeypatch.setattr(footfall.client, "_default", None)
    with serving(home, FOOTFALL_PROJECT_DIR=str(project), **FAST) as server:
        monkeypatch.setenv("FOOTFALL_URL", server.url)
        analytics = get_user_analytics_service()

        session_id = analytics.start_session("user_123", {"source": "newsletter"})
        analytics.track_event(
            user_id="user_123", event_type=EventType.PAGE_VIEW, event_name="landing_page", properties={"plan": "pro"},
            page_url="https://shop.example/", session_id=session_id,
        )  # fmt: skip
        analytics.track_event("user_123", EventType.BUTTON_CLICK, "signup_button", {"place": "hero"}, "/", session_id)
        analytics.track_event("user_123", EventType.CONVERSION, "signup_completed", session_id=session_id)
        analytics.identify("user_123", {"plan": "pro"})

        test_id = analytics.create_ab_test("checkout_button", ["control", "green"], [0.5, 0.5])
        variants = {f"user_{n}": analytics.assign_variant(test_id, f"user_{n}") for n in range(40)}
        assert set(variants.values()) == {"control", "green"}
        assert analytics.create_ab_test("checkout_button", ["control", "green"], [0.5, 0.5]) == test_id
        analytics.record_ab_conversion(test_id, "user_7")
        with pytest.raises(AnalyticsError, match="assign its units anew"):
            analytics.create_ab_test("checkout_button", ["control", "green"], [90, 10])

        analytics.record_nps_response("user_123", 9, "It just works")
        analytics.end_session(session_id)

        engagement, retention = analytics.get_engagement_metrics(), analytics.get_retention_metrics()
        assert (engagement.dau, engagement.wau, engagement.bounce_rate, retention.day_1_retention) == (4, 7, 0.25, 0.4)
        assert analytics.get_conversion_metrics().conversion_rate == 0.5
        assert analytics.get_nps_metrics().score == 50
        assert analytics.segment_users()[UserSegment.NEW] == ["p0"]
        json.dumps(analytics.export_metrics_summary())
        with pytest.raises(AnalyticsError, match="no results of a test 'checkout_button'"):
            analytics.get_ab_test_results(test_id)

        assert analytics.flush(30) and analytics.close()
        assert analytics.stats.rejected == analytics.stats.invalid == analytics.stats.lost == 0
        server.stop(2)
    land_leftovers(home)
    told = rows(home, "event_name, user_id, json_extract_string(properties, '$.variant')")
    exposed = {user: variant for name, user, variant in told if name == "experiment_exposed"}
    assert exposed == variants
    names = [name for name, _, _ in told if name != "experiment_exposed"]
    assert sorted(names) == sorted([
        "session_start", "page_view", "signup_button", "signup_completed", "identify", "nps_answered", "session_end",
        "checkout_button_converted",
    ])  # fmt: skip
