"""The key of a home: what is hashed with it can be recognised here and nowhere else.

It never lies among the data that it protects. The home names its key; the key itself is a file of its owner alone, in
`~/.config/footfall/keys`, or the file that FOOTFALL_PRIVACY_KEY_FILE names.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from ingest.landing.paths import sync_dir

LEAST_BYTES = 16


class KeyIsMissing(Exception):
    """The key of a home is not where it was: nothing can be hashed as it was before."""


class Key:
    """The key of one home, read or made when it is first needed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._bytes = b""

    def hashed(self, value: str) -> str:
        """The same 32 hex digits for a value, however its letters are cased, as long as the key is the same."""
        return self.digest(value.strip().casefold()).hex()[:32]

    def digest(self, value: str) -> bytes:
        """HMAC-SHA256 of a text.

        Raises:
            KeyIsMissing: when the home has a key that is not where it was.
        """
        self._bytes = self._bytes or _read(self._home)
        return hmac.digest(self._bytes, value.encode("utf-8", "surrogatepass"), "sha256")


def key_file(home: Path) -> Path:
    """Where the key of a home lies, whether or not there is one yet."""
    told = os.environ.get("FOOTFALL_PRIVACY_KEY_FILE")
    if told:
        return Path(told).expanduser()
    name = _named_by(home)
    return _folder() / f"{name.read_text().strip() if name.exists() else 'none'}.key"


def _folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "footfall" / "keys"


def _named_by(home: Path) -> Path:
    return home / "privacy" / "key_name"


def _read(home: Path) -> bytes:
    name = _named_by(home)
    if not os.environ.get("FOOTFALL_PRIVACY_KEY_FILE") and not name.exists():
        name.parent.mkdir(parents=True, exist_ok=True)
        fresh = name.with_suffix(f".{secrets.token_hex(4)}")
        fresh.write_text(f"{secrets.token_hex(8)}\n")
        _put(fresh, name)
    file = key_file(home)
    made = name.with_name("key_made")
    if not file.exists() and not made.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(f".{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as written:
            written.write(f"{secrets.token_hex(32)}\n")
        _put(fresh, file)
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise KeyIsMissing(
            f"The key of {home} cannot be read in {file} ({error.strerror}). Put it back from where you keep it, or "
            "let FOOTFALL_PRIVACY_KEY_FILE name it. Without it, ids that were hashed become other ones, and the list "
            "of those who were erased finds nobody."
        ) from None
    if len(key) < LEAST_BYTES:
        raise KeyIsMissing(f"{file} holds {len(key)} bytes; a key has {LEAST_BYTES} or more. Mend the file.")
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        made.touch()
    return key


def _put(fresh: Path, final: Path) -> None:
    """Put a finished file to its place, unless another process was first."""
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, final)
    fresh.unlink()
    sync_dir(final.parent)
