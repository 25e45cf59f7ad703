"""A real server for each module: `footfall serve` in a process of its own, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.collector.keys import Keys


@dataclass
class Server:
    """A running `footfall serve`."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, **options: Any) -> httpx.Response:
        """One request."""
        return httpx.post(self.url + path, timeout=30, **options)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it; SIGINT lands what is left."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[Server]:
    """A server for a home, for the time of a with block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "FOOTFALL_HOME": str(home), **settings}
    command = [str(Path(sys.executable).parent / "footfall"), "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    server = Server(home, port, process)
    try:
        for _ in range(200):
            try:
                httpx.get(f"{server.url}/health", timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended by itself"
                time.sleep(0.1)
        yield server
    finally:
        server.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def write_keys() -> dict[str, str]:
    """Write keys by app."""
    return {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, write_keys: dict[str, str]) -> Iterator[Server]:
    """A server with a key for each of two apps."""
    home = tmp_path_factory.mktemp("served")
    for app in ("shop", "blog"):
        _, write_keys[app] = Keys(home).create("write", app)
    with serving(home) as running:
        yield running
