"""One server of collector and API: what is sent lands, a build is started over HTTP, and what it publishes is read."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.collector.keys import Keys
from ingest.landing.taking_back import Id
from orchestration import erasure
from orchestration.backstage import Workshop
from orchestration.lock import build_lock
from serving.publications import list_publications
from tests.ingest.collector.conftest import serving
from tests.orchestration.conftest import Home
from tests.serving.api.test_publications import CLIENTS, QUESTION

# a word that no file of a home holds
NEW = "new-7f3a91c4"


def finished(get: Any, run_id: str) -> dict[str, Any]:
    """A run when it has ended."""
    for _ in range(1200):
        told: dict[str, Any] = get(f"/api/v1/analytics/etl/runs/{run_id}").json()
        if told["status"] != "running":
            return told
        time.sleep(0.1)
    raise AssertionError("the run does not end")


def assert_a_person_is_gathered_and_forgotten(admin: httpx.Client, write_key: str, home: Path) -> None:
    """While the server receives: what it got and nobody has built is in both."""
    privacy = "/api/v1/analytics/privacy"
    late = {"event_id": "late", "event_name": "click", "user_id": NEW, "occurred_at": "2024-03-21T00:00Z"}
    sent = httpx.post(f"{admin.base_url}/api/v1/analytics/events", json=late, headers={"X-API-Key": write_key})
    assert sent.status_code == 200
    assert admin.get("/api/v1/analytics/process-events").json()["fault"] is None
    run = finished(admin.get, admin.post(f"{privacy}/exports", json={"user_ids": [NEW]}).json()["id"])
    assert run["status"] == "succeeded", run
    held = admin.get(f"{privacy}/exports/{run['id']}")
    assert held.status_code == 200, held.text
    rows = {table["name"]: table["data"] for table in held.json()["resources"]}
    assert [row["event_id"] for row in rows["landing"]] == ["late", "sent"]
    assert rows["dim_persons"][0]["person_id"] == NEW
    gathered = run["id"]
    packed = admin.get(f"{privacy}/exports/{gathered}", headers={"Accept": "application/zip"})
    assert {"datapackage.json", "landing.csv"} <= set(zipfile.ZipFile(io.BytesIO(packed.content)).namelist())
    run = finished(admin.get, admin.post(f"{privacy}/erasures", json={"user_ids": [NEW]}).json()["id"])
    assert run["status"] == "succeeded", run
    assert run["result"]["receipt"]["rows"]["landing"] == 2
    assert erasure.verify(home, erasure.read_receipt(home, run["result"]["receipt"]["id"]), {Id("user", NEW)}) == []
    assert not list((home / "exports").iterdir())
    assert [admin.get(f"{privacy}/exports/{each}").status_code for each in (gathered, run["id"])] == [404, 404]


def test_what_is_sent_is_built_and_read_over_one_port(landed_home: Home) -> None:
    keys = Keys(landed_home.path)
    secrets = {kind: keys.create(kind, app)[1] for kind, app in (("write", "shop"), ("read", "shop"), ("admin", "*"))}

    def client(kind: str, url: str) -> httpx.Client:
        return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secrets[kind]}"}, timeout=60)

    with serving(landed_home.path) as server, client("admin", server.url) as admin, client("read", server.url) as read:
        assert read.get("/v1/analytics/stats").status_code == 503
        with client("write", server.url) as write:
            event = {"event_id": "sent", "event_name": "signup", "user_id": NEW, "occurred_at": "2024-03-20T00:00Z"}
            assert write.post("/api/v1/analytics/events", json=event).status_code == 200
            answer = {"user_id": "u1", "score": 9, "answer_id": "a1"}
            assert [write.post("/analytics/nps", json=answer).status_code for _ in range(2)] == [202, 202]
            assert write.post("/analytics/nps", json={**answer, "app": "blog"}).status_code == 403
        assert read.post("/analytics/nps", json=answer).status_code == 403
        assert admin.post("/analytics/nps", json=answer).status_code == 422
        assert admin.get("/api/v1/analytics/process-events").json()["landed"]["quarantined"] == 0
        # two at once are one run
        first, second = (admin.post("/api/v1/analytics/etl/run").json() for _ in range(2))
        assert (first["id"], first["kind"], first["status"]) == (second["id"], "build", "running")
        told = finished(admin.get, first["id"])
        assert told["status"] == "succeeded", told
        assert told["finished"] == told["total"] > 10
        stats = read.get("/v1/analytics/stats").json()
        # 300 that had landed, one that was sent, and the answer, which was sent twice
        assert (stats["events"], stats["publication"]) == (302, told["result"]["publication"])
        with client("write", server.url) as write:
            assert (
                write.post("/api/v1/analytics/events", json=event | {"event_id": "later", "user_id": "u1"}).status_code
                == 200
            )
        admin.get("/api/v1/analytics/process-events")
        # while a build runs and is published, no request fails, and each answer is of one publication
        is_over, seen = threading.Event(), set[tuple[str, int]]()

        def ask() -> None:
            with client("read", server.url) as reader:
                is_last = False
                while not is_last:
                    is_last = is_over.wait(0.2)
                    told = reader.get("/v1/analytics/stats").raise_for_status().json()
                    seen.add((told["publication"], told["events"]))
                    told = reader.post("/api/v1/analytics/questions", json=QUESTION).raise_for_status().json()
                    seen.add((told["publication"], sum(row[2] for row in told["rows"])))

        with ThreadPoolExecutor(CLIENTS) as clients:
            asking = [clients.submit(ask) for _ in range(CLIENTS)]
            try:
                later = finished(admin.get, admin.post("/api/v1/analytics/etl/run").json()["id"])
                time.sleep(1)
            finally:
                is_over.set()
        for each in asking:
            each.result()
        assert seen == {(told["result"]["publication"], 302), (later["result"]["publication"], 303)}
        again = finished(admin.get, admin.post("/api/v1/analytics/etl/run", json={}).json()["id"])
        assert again["result"]["nothing_new"]
        assert admin.get("/api/v1/analytics/config").json()["batch_size"] == {"value": 100, "source": "default"}
        assert admin.get("/api/v1/analytics/etl/runs/none").status_code == 404
        assert_a_person_is_gathered_and_forgotten(admin, secrets["write"], landed_home.path)
        assert httpx.get(f"{server.url}/stats").status_code == 200
        assert "footfall" in admin.get("/metrics").text
    assert len(list_publications(landed_home.path)) == 1


def test_a_work_does_not_begin_while_somebody_builds_and_one_that_dies_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.server import CannotStart

    monkeypatch.setenv("FOOTFALL_HOME", str(tmp_path))
    workshop = Workshop(tmp_path)
    with build_lock(tmp_path, "footfall build"), pytest.raises(CannotStart, match="footfall build"):
        workshop.start("build", {})
    run = workshop.start("build", {"full_refresh": True})
    process = workshop._processes[run.id]
    process.kill()
    process.wait()
    for known in (workshop, Workshop(tmp_path)):
        told = known.run(run.id)
        assert told and (told.status, "without a word" in str(told.message)) == ("failed", True)
    assert workshop.run("../keys") is None
    assert workshop.run("none") is None
