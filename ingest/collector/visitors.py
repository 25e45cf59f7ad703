"""Who sends without an id: a visitor of one day, who cannot be followed into the next."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from datetime import UTC, date, datetime
from pathlib import Path


class Visitors:
    """Names visitors by address and agent under a salt that is forgotten at the end of its day (UTC).

    The salt outlives a restart, and lies beside what was received, readable by its owner alone.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "received" / ".salt.json"
        self._day: date | None = None
        self._salt = b""

    def of(self, app: str, address: str, agent: str | None) -> str:
        """The name of a visitor of an app today: 32 hex digits."""
        today = datetime.now(UTC).date()
        if today != self._day:
            self._salt, self._day = self._salt_of(today), today
        told = "\0".join((app, address, agent or "")).encode("utf-8", "surrogatepass")
        return hmac.digest(self._salt, told, "sha256").hex()[:32]

    def _salt_of(self, day: date) -> bytes:
        try:
            kept = json.loads(self._path.read_text())
            if kept["day"] == day.isoformat():
                return bytes.fromhex(kept["salt"])
        except (OSError, ValueError, KeyError):
            pass
        salt = secrets.token_bytes(32)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"day": day.isoformat(), "salt": salt.hex()}, file)
        fresh.replace(self._path)
        return salt
