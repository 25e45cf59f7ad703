"""A server of collector and API that listens on a port, in a thread of this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from serving.api import api
from serving.server import Shared, application


@contextmanager
def listening(shared: Shared) -> Iterator[str]:
    """Its address, for the time of a with block."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        config = uvicorn.Config(application(shared, [api(shared)]), log_level="error", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
