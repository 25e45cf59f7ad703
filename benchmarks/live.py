"""What it costs to keep many sockets told: `python benchmarks/live.py [SOCKETS] [SECONDS] [EVENTS_PER_SECOND]`.

A real `footfall serve` of an empty home; the sockets are in another process, so that the CPU told is the server alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from footfall import Analytics, EventType


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """The memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def watch(url: str, sockets: int, seconds: float, rate: int, pid: int) -> dict[str, float]:
    """Open sockets, send events for some seconds, and measure the server meanwhile."""
    told = [0, 0]

    async def one() -> None:
        async with connect(url.replace("http", "ws") + "/ws/analytics/live", open_timeout=60) as messages:
            async for message in messages:
                told[0] += 1
                told[1] += len(message)

    tasks = [asyncio.create_task(one()) for _ in range(sockets)]
    while told[0] < sockets:
        await asyncio.sleep(0.2)
    client = Analytics(url, flush_interval=0.2)
    told[:] = [0, 0]
    began, cpu = time.monotonic(), cpu_seconds(pid)
    number = 0
    while time.monotonic() - began < seconds:
        for _ in range(max(1, rate // 10)):
            number += 1
            page = f"https://example.org/{number % 20}"
            client.track_event(f"user {number % 500}", EventType.PAGE_VIEW, page_url=page)
        await asyncio.sleep(0.1)
    took, used = time.monotonic() - began, cpu_seconds(pid) - cpu
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "sockets": sockets,
        "events_per_second": round(number / took, 1),
        "server_cpu_seconds_per_second": round(used / took, 3),
        "messages_per_second": round(told[0] / took),
        "kilobytes_per_second": round(told[1] / took / 1000),
        "server_resident_mb": round(resident_mb(pid)),
    }


def main() -> None:
    """Measure with no socket but one, and with all."""
    sockets, seconds, rate = (int(given) for given in (*sys.argv[1:], *("1000", "15", "50")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [str(Path(sys.executable).parent / "footfall"), "serve", "--port", str(port)]
        environment = {**os.environ, "FOOTFALL_HOME": home}
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            while True:
                try:
                    httpx.get(f"{url}/health", timeout=5)
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            for number in (1, sockets):
                print(json.dumps(asyncio.run(watch(url, number, seconds, rate, server.pid))), flush=True)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


if __name__ == "__main__":
    main()
