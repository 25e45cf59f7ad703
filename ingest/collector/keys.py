"""Keys of a home: made once, shown once, kept as digests, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock

Kind = Literal["write", "read", "admin"]
KINDS: tuple[Kind, ...] = ("write", "read", "admin")
# requests that come within a thousandth of a second are asked of one look at the file
SOON = 0.001
# hex digits of a digest by which it is looked up
PREFIX = 8


class UnknownKey(LookupError):
    """There is no such key."""


@dataclass(frozen=True)
class Key:
    """What is kept of a key.

    Attributes:
        id: what people call it by.
        kind: `write` sends events, `read` reads marts, `admin` runs and erases.
        app: whose events it sends or reads; `*` for an admin key.
        digest: SHA-256 of the key, in hex; keys are long and random, so that it needs no salt.
        created_at: ISO 8601 in UTC.
        is_public: the key is a name that SDKs without a secret send: a site's domain, an app id.
    """

    id: str
    kind: Kind
    app: str
    digest: str
    created_at: str
    is_public: bool = False


class Keys:
    """The keys of one home, read again when the file changes."""

    def __init__(self, home: Path) -> None:
        self._path = home / "keys.json"
        self._file = str(self._path)
        self._stamp: tuple[int, int] | None = None
        self._keys: list[Key] = []
        self._by_prefix: dict[str, list[Key]] = {}
        self._looked_at = 0.0

    def list(self) -> list[Key]:
        """Every key, oldest first."""
        self._look()
        return self._keys

    def are_there(self) -> bool:
        """Whether the home has keys at all."""
        self._look(SOON)
        return bool(self._keys)

    def create(self, kind: Kind, app: str, public_name: str | None = None) -> tuple[Key, str]:
        """Make a key; return what is kept of it, and the key itself, which is never shown again.

        Raises:
            ValueError: when the public name is taken.
        """
        secret = public_name or f"ff_{kind}_{secrets.token_urlsafe(24)}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        key = Key(secrets.token_hex(4), kind, app, _digest(secret), now, public_name is not None)
        with self._changing() as keys:
            if any(known.digest == key.digest for known in keys):
                raise ValueError(f"{secret!r} is a key already. Revoke it first: footfall keys list shows its id.")
            keys.append(key)
        return key, secret

    def revoke(self, key_id: str) -> Key:
        """Take a key away; the next request with it is refused.

        Raises:
            UnknownKey: when there is none of this id.
        """
        with self._changing() as keys:
            found = next((key for key in keys if key.id == key_id), None)
            if found is None:
                raise UnknownKey(f"There is no key {key_id!r}; footfall keys list shows them.")
            keys.remove(found)
        return found

    def find(self, secret: str | None, kind: Kind) -> Key | None:
        """The key that this text is, if it is one of this kind; in constant time once its beginning is known."""
        if not secret:
            return None
        self._look(SOON)
        digest, found = _digest(secret), None
        for key in self._by_prefix.get(digest[:PREFIX], ()):
            if hmac.compare_digest(key.digest, digest) and key.kind == kind:
                found = key
        return found

    def _look(self, again_after: float = 0.0) -> None:
        """Read the file if it has changed; whether it has is asked again after so many seconds."""
        now = time.monotonic()
        if now - self._looked_at < again_after:
            return
        self._looked_at = now
        try:
            stat = os.stat(self._file)  # noqa: PTH116 (half as dear)
        except FileNotFoundError:
            self._stamp, self._keys, self._by_prefix = None, [], {}
            return
        if (stat.st_mtime_ns, stat.st_size) != self._stamp:
            self._keys = [Key(**told) for told in json.loads(self._path.read_text())]
            self._by_prefix = {}
            for key in self._keys:
                self._by_prefix.setdefault(key.digest[:PREFIX], []).append(key)
            self._stamp = (stat.st_mtime_ns, stat.st_size)

    def _changing(self) -> _Change:
        return _Change(self)


class _Change:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        keys._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(keys._path.with_suffix(".lock"))

    def __enter__(self) -> list[Key]:
        self._lock.acquire()
        self._changed = [*self._keys.list()]
        return self._changed

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                fresh = self._keys._path.with_suffix(".new")
                fresh.touch(mode=0o600)
                fresh.write_text(json.dumps([asdict(key) for key in self._changed], indent=1) + "\n")
                fresh.replace(self._keys._path)
        finally:
            self._lock.release()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
