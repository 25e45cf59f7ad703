"""A local server that answers as it is told, and keeps what it was sent."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# status, headers, body; made of what the request's body holds
Answer = tuple[int, dict[str, str], Any]
Answering = Callable[[Any], Answer | None]


@dataclass
class Vendor:
    """A running server.

    Attributes:
        answers: one for each request to come; none of them waits for ever; then every request is taken.
        requests: path, headers and body of each request, in order.
    """

    port: int = 0
    answers: list[Answer | Answering | None] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def told(self) -> list[Any]:
        """The JSON of each request."""
        return [json.loads(body) for _, _, body in self.requests]


@contextmanager
def vendor(*answers: Answer | Answering | None) -> Iterator[Vendor]:
    """A server for the time of a with block; the answer None is one that never comes."""
    found, lock = Vendor(answers=list(answers)), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                found.requests.append((self.path, dict(self.headers), body))
                answer = found.answers.pop(0) if found.answers else (200, {}, {})
            if callable(answer):
                answer = answer(json.loads(body))
            if answer is None:
                found.ended.wait(30)
                self.close_connection = True
                return
            status, headers, told = answer
            text = json.dumps(told).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        found.ended.set()
        server.shutdown()
        server.server_close()
