"""What a program of this machine tells without a server: a file of the spool, as if it had been received."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from ingest.collector.spool import SEALED, spool_dir, spooled
from ingest.landing.paths import publish_file
from ingest.privacy import cleaner
from ingest.privacy.suppression import as_stored, choose
from ingest.vendors.footfall import FOOTFALL

PATH = "/api/v1/analytics/events"


def make_ready(home: Path, app: str) -> None:
    """Make what `receive_locally` needs: a child that is forked while it is being made would wait for it for ever."""
    cleaner(home).received(b'{"events":[{"properties":{"email":""}}]}', app)


def choose_locally(home: Path, app: str, person: str, opts_out: bool) -> None:
    """Keep whether a person, told by the id of a user or a device, wants to be counted, as if the server was told.

    Raises:
        OSError: when the disk does not take it.
    """
    choose(home, as_stored(cleaner(home), [person], [person], app), opts_out)


def receive_locally(home: Path, app: str, body: bytes, events: int) -> Path:
    """Keep a body of Footfall's own JSON, whole or not at all, for the next landing; return its file.

    Raises:
        OSError: when the disk does not take it.
    """
    line = spooled(cleaner(home).received(body, app), events, secrets.token_hex(12), app, PATH)
    folder = spool_dir(home) / FOOTFALL.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}_{secrets.token_hex(3)}{SEALED}"
    written = path.with_suffix(".tmp")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(line)
    publish_file(written, path)
    return path
