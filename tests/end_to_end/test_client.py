"""The whole way: what a client tells a server is live, is built, and is read back as the same numbers."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import httpx

from footfall import Analytics, EventType, UserSegment
from orchestration.build import build
from tests.end_to_end.dbt_project import CORE, copy_part, environment
from tests.ingest.collector.conftest import serving

FAST = {"FOOTFALL_BATCH_SIZE": "50", "FOOTFALL_FLUSH_INTERVAL_SECONDS": "0.3"}
MARTS = (*CORE, "metric_dau", "metric_wau", "metric_registrations", "metric_revenue", "fct_payments")


def test_from_a_client_to_marts_and_back(tmp_path: Path) -> None:
    home, project = tmp_path / "home", copy_part(tmp_path / "project", MARTS)
    with environment({"FOOTFALL_PROJECT_DIR": str(project), "FOOTFALL_HOME": str(home)}):
        with serving(home, **FAST) as server:
            with Analytics(server.url) as client:
                for number in range(30):
                    user = f"user {number}"
                    session = client.start_session(user)
                    client.track_event(user, EventType.PAGE_VIEW, page_url=f"/{number % 3}", session_id=session)
                    if number % 3 == 0:
                        client.track_event(user, EventType.SIGNUP)
                        client.track_revenue(user, "12.50", "USD")
                    client.end_session(session)
                # a device that the window knows as its user
                client.track_event(anonymous_id="device", event_name="looked")
                client.track_event("user 0", event_name="looked", anonymous_id="device")
                assert client.flush(60)
            live = httpx.get(f"{server.url}/analytics/realtime", timeout=60).json()
            server.stop(signal.SIGINT)
        build(home)
        reader = Analytics(home=home)
        today = datetime.now(UTC).date()
        actives = {row["period_start"]: row["metric_value"] for row in reader.metric("dau")}
        question = {"kind": "active_users", "interval": "total", "window_days": 30}
        assert live["active_users"]["last_30_minutes"] == reader.ask(question)["rows"][-1][1] == 30
        assert sum(row["metric_value"] for row in reader.metric("revenue")) == live["revenue_today"]["amount_cents"]
        assert live["revenue_today"]["amount_cents"] == 12_500
        assert sum(row["metric_value"] for row in reader.metric("registrations")) == 10
        assert live["new_registrations"]["today"] == 10
        assert max(actives) <= today and max(actives.values()) == 30
        assert len(reader.segment_users()[UserSegment.NEW]) == 30
