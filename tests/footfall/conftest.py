"""Servers that answer as told, and a real one."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from footfall import Analytics

Answer = tuple[int, dict[str, str]]


class Scripted:
    """A server on a free port that answers what `script` says, one after the other, and 200 from then on."""

    def __init__(self, *script: Answer | Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.script = list(script)
        self.batches: list[list[dict[str, Any]]] = []
        self.kept: list[dict[str, Any]] = []
        self.times: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.times.append(time.monotonic())
                outer.batches.append(json.loads(body)["events"])
                answer = outer.script.pop(0) if outer.script else (200, {})
                if callable(answer):
                    answer(self)
                    return
                status, headers = answer
                if status == 200:
                    outer.kept += outer.batches[-1]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                told = b'{"message": "as told"}'
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def names(self) -> list[str]:
        return [event["event_name"] for event in self.kept]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def answering(*script: Answer | Callable[[BaseHTTPRequestHandler], None], **options: Any) -> Iterator[Any]:
    """A scripted server, and a client of it."""
    server = Scripted(*script)
    client = Analytics(server.url, "key", **{"flush_interval": 0.02, "timeout": 5.0, "exit_timeout": 0.5, **options})
    try:
        yield server, client
    finally:
        client.close(0.0)
        server.close()


def received(home: Path) -> list[dict[str, Any]]:
    """The events that lie in the spool of a home, as they were sent."""
    lines = [line for path in sorted(home.glob("received/*/*")) for line in path.read_bytes().splitlines()]
    return [event for line in lines for event in json.loads(line)["body"]["events"]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
