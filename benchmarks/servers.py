"""Servers to measure: each on one core, so that what asks it, wrk among it, has the other."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import StepFailed

# what a command says where its server is to listen
PORT = "PORT"
CONNECTIONS = 16


@dataclass(frozen=True)
class Asked:
    """What wrk found: how many requests were answered, how many a second, and the slowest but for one in a hundred."""

    requests: int
    requests_a_second: float
    p99_ms: float


@contextmanager
def serving(
    command: Sequence[str | Path], path: str = "/health", **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a server and its process, for the time of a with block.

    Args:
        command: starts it; `PORT` stands for where it listens.
        path: what answers once it is there.
        environment: beside the present one.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    filled = [port if part == PORT else str(part) for part in command]
    process = subprocess.Popen(
        ["taskset", "-c", "0", *filled], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url + path, process)
        yield url, process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def refuse_without_wrk() -> None:
    """Fail before anything is made, when what asks is not there."""
    if not shutil.which("wrk"):
        raise StepFailed("wrk is missing: apt-get install wrk")


def asked(url: str, seconds: int, *options: str) -> Asked:
    """Ask a server all the time, by wrk with these options, and say what it answered.

    Raises:
        StepFailed: when an answer was an error.
    """
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *options, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if "Non-2xx" in said or not number or not rate or not p99:
        raise StepFailed(said)
    return Asked(int(number[1]), float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]])


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int, of: str = "VmRSS") -> float:
    """The resident memory of a process; of `VmHWM`, the most that it had."""
    found = re.search(rf"{of}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    if not found:
        raise StepFailed("the server has ended")
    return int(found[1]) / 1024


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=30).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                raise StepFailed(f"the server ended with code {process.returncode}") from None
            time.sleep(0.1)
    raise StepFailed("the server does not answer")
