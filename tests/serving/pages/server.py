"""The pages of a home, served for the time of a with block."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from serving.pages import pages
from serving.snapshots import Snapshots
from tests.serving.report.homes import REPOSITORY


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve the pages of a home on a free port of this machine; return the origin."""
    snapshots = Snapshots(home)
    config = uvicorn.Config(Starlette(routes=pages(home, REPOSITORY, snapshots)), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    snapshots.close()
