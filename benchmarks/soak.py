"""The memory of the server under an hour's steady load by HTTP, while what comes is sealed and lands."""

from __future__ import annotations

import gzip
import http.client
import json
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.collector import EVENTS_A_REQUEST, collecting
from benchmarks.homes import Bench
from benchmarks.measure import Figure, StepFailed
from benchmarks.servers import cpu_seconds, memory_mib

REQUESTS_A_SECOND = 1.0
JSON = {"Content-Type": "application/json"}


def run(bench: Bench) -> Iterator[Figure]:
    """Send batches of three protocols, and faulty ones, as a clock says, and look at the server once a minute."""
    bench.work.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="soak", dir=bench.work))
    minutes: list[dict[str, Any]] = []
    with collecting("with landing", home) as (url, process):
        began, number, seen = time.monotonic(), 0, 0
        while seen < bench.minutes:
            seen += 1
            peak = 0.0
            while (now := time.monotonic() - began) < seen * 60:
                _send(url, number)
                number += 1
                peak = max(peak, memory_mib(process.pid))
                time.sleep(max(0.0, number / REQUESTS_A_SECOND - now))
            minutes.append(
                {
                    "minute": seen,
                    "requests": number,
                    "resident_mib": round(memory_mib(process.pid), 1),
                    "highest_mib": round(peak, 1),
                    "cpu_seconds": round(cpu_seconds(process.pid), 1),
                    "files_landed": len(list((home / "landing" / "batches").glob("*.json"))),
                    "files_waiting": len(list((home / "received").glob("*/*.ndjson"))),
                }
            )
            print(f"  {minutes[-1]}", flush=True)
    shutil.rmtree(home)
    yield from figures(minutes)


def figures(minutes: list[dict[str, Any]]) -> Iterator[Figure]:
    """What the minutes say: at rest, and at the highest, which is while a file lands."""
    for of, claim, target in (
        ("resident_mib", "memory of the server between landings", "<= 1.1"),
        ("highest_mib", "highest memory of the server while it lands", ""),
    ):
        early, late = (statistics.median(each[of] for each in some) for some in (minutes[5:15], minutes[-10:]))
        detail = {"early_mib": early, "late_mib": late, "minutes": minutes} if target else {}
        yield Figure(
            f"{claim}: last ten minutes of {len(minutes)} / minutes 6 to 15", late / early, "x", target, detail
        )
    yield Figure("highest memory of the server", max(each["highest_mib"] for each in minutes) / 1024, "GiB", "", {})
    share = minutes[-1]["cpu_seconds"] / (60 * len(minutes))
    yield Figure("share of one core at one batch a second", share, "x", "", {})


def _send(url: str, number: int) -> None:
    """Send the request of this number: most are good."""
    person = f"u{number % 997}"
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    bought = {"order_id": f"o{number}", "revenue": 19.99, "currency": "EUR", "text": "x" * 200}
    if number % 20 == 19:
        status, path, headers, body = 400, "/v1/batch", JSON, b'{"batch": [{"type": "track", '
    elif number % 4 == 3:
        events = [
            {"uuid": str(uuid.uuid4()), "event": "checkout", "distinct_id": person, "timestamp": when}
            | {"properties": bought | {"$set": {"plan": "pro"}}}
            for _ in range(EVENTS_A_REQUEST)
        ]
        status, path, headers = 200, "/batch/", JSON | {"Content-Encoding": "gzip"}
        body = gzip.compress(json.dumps({"api_key": "k", "batch": events}).encode())
    elif number % 4 == 1:
        seen = {"n": "pageview", "d": "shop.example", "u": f"https://shop.example/{number}", "r": None}
        status, path, headers, body = 200, "/api/event", {"Content-Type": "text/plain"}, json.dumps(seen).encode()
    else:
        messages = [
            {"messageId": str(uuid.uuid4()), "type": "track", "event": "Order Completed", "userId": person}
            | {"timestamp": when, "properties": bought}
            for _ in range(EVENTS_A_REQUEST)
        ]
        status, path, headers, body = 200, "/v1/batch", JSON, json.dumps({"batch": messages}).encode()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != status:
        raise StepFailed(f"{path} answered {answer.status}: {said[:500]!r}")


def scale(bench: Bench) -> dict[str, int | float]:
    """What was sent: no history is needed."""
    return {"minutes": bench.minutes, "requests a second": REQUESTS_A_SECOND, "events a batch": EVENTS_A_REQUEST}
