"""Takes what is personal out of JSON and texts, by the policies of a home."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from ingest.privacy.key import Key
from ingest.privacy.names import (
    OF_THINGS,
    OF_TYPES,
    PLAIN_NAME,
    THINGS,
    WORDS,
    between_letters,
    kind_of,
    member_of,
    plain,
)
from ingest.privacy.policy import DROP, HASH, KEEP, Policies
from ingest.privacy.texts import SUSPECT, cleaned, is_email, may_hold, searcher

# in these members of a request lie messages, whose `name` is an event's
OF_MESSAGES = frozenset(("batch", "events", "data", "payload"))
# JSON in base64, as Snowplow's trackers write it
IN_BASE64 = frozenset(("ue_px", "cx"))
_PLAIN_NAMES = frozenset((PLAIN_NAME, "Name", "NAME", "$name", "_name"))
IDS = frozenset(("alias", "uid", "user", "sub", "previous"))
# a smaller number under such a name counts something
LEAST_NUMBER = 1000
NUMBERS = frozenset(("phone", "birth", "number"))
# of these the loader reads where somebody is and on what, before they go
READ = ("ip", "user_agent")
_GONE = object()
QUOTE = '"'
# of what cannot be read as JSON: the name of a member, a value that is no list or object, and what ends one that is
_NAME = re.compile(r'"((?:[^"\\]|\\.){1,80})"\s*:\s*')
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^",{}\[\]\s]+')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
# the names of things that nearly every SDK sends, which are no reason to look closer
_USUAL_NAMES = tuple(
    f'"{thing}":{blank}{{"name":' for thing in ("library", "campaign", "os", "browser", "app") for blank in ("", " ")
)


class Cleaner:
    """What may be stored of what came, for one home.

    Attributes:
        found: when it is a Counter, what was found is counted in it: by the name of the holder, of the member and kind.
    """

    def __init__(self, home: Path, policies: Policies, found: Counter[tuple[str, str, str]] | None = None) -> None:
        self.policies, self.found = policies, found
        self._home, self._key, self._names = home, Key(home), policies.names
        kinds = [kind for kind in WORDS if found is not None or kind in policies.kinds]
        self._may_hold = searcher("|".join((SUSPECT, member_of(kinds, self._names))))

    @property
    def more(self) -> str:
        """What to look for beside the stems of the names of all kinds: those that have a policy of their own."""
        return "".join(f"|{between_letters(name)}" for name in sorted(self._names))

    def is_suspect(self, text: str) -> bool:
        """Whether something personal may be in JSON; sometimes wrong where it says so, never where it does not."""
        if not self._may_hold(text):
            return False
        if '"name"' not in text:
            return True
        for usual in _USUAL_NAMES:
            text = text.replace(usual, "")
        return self._may_hold(text)

    def json(self, text: str, app: str, holder: str = "properties", event_name: str | None = None) -> str:
        """The JSON text of a member of an event; what cannot be read as JSON is a text in which members may stand."""
        if not self.is_suspect(text):
            return text
        try:
            value = orjson.loads(text)
            now = self._of(value, app, holder, True, False, event_name in _PAGES)
            return text if now is value else orjson.dumps(now).decode()
        except _UNREADABLE:
            return self._unread(text, app, holder)

    def received(self, body: bytes, app: str) -> bytes:
        """The JSON text of a request as it may wait for the loader, which is still to read its addresses and agents.

        Raises:
            orjson.JSONDecodeError: when it is none.
        """
        if self.policies.keep_all or not self._waiting.is_suspect(body.decode("utf-8", "replace")):
            return body
        return self._waiting.messages(body, app)

    @cached_property
    def _waiting(self) -> Cleaner:
        told = {(app, kind): action for (app, kind), action in self.policies.told.items() if kind not in READ}
        policies = replace(self.policies, told=told | {(None, kind): KEEP for kind in READ})
        return Cleaner(self._home, policies, self.found)

    def messages(self, text: bytes, app: str) -> bytes:
        """The JSON text of a message, or of many.

        Raises:
            orjson.JSONDecodeError: when it is none, or nested too deeply.
        """
        try:
            value = orjson.loads(text)
            now = self._of(value, app, "", True, True, False)
            return text if now is value else orjson.dumps(now)
        except (TypeError, RecursionError):
            raise orjson.JSONDecodeError("nested too deeply", "", 0) from None

    def raw(self, raw: bytes, app: str) -> bytes:
        """The bytes of a row that was refused."""
        if not self.is_suspect(raw.decode("utf-8", "replace")):
            return raw
        try:
            return self.messages(raw, app)
        except orjson.JSONDecodeError:
            return self._unread(raw.decode("utf-8", "surrogateescape"), app, "raw").encode("utf-8", "surrogateescape")

    def text(self, text: str, app: str, name: str = "", is_id: bool = False) -> str:
        """A text, or an address of a page, without what is personal in it."""
        if not may_hold(text):
            return text

        def now(kind: str, found: str) -> str | None:
            action = self.policies.of(app, kind)
            if self.found is not None:
                self.found["", name, kind] += 1
            if action == KEEP:
                return None
            return self._hashed(found) if action == HASH else ""

        if is_id and is_email(text):
            # an id that is dropped would make nobody of a person, and all of them one
            if self.found is not None:
                self.found["", name, "email"] += 1
            return text if self.policies.of(app, "email") == KEEP else self._hashed(text)
        return cleaned(text, now, is_id)

    def id(self, text: str, app: str, name: str) -> str:
        """An id; one that is an e-mail address is hashed, so that whom it names stays one person."""
        return self.text(text, app, name, is_id=True) if is_email(text) else text

    def whole(self, text: str, app: str, name: str) -> str | None:
        """A field that is personal as a whole; None where it is dropped."""
        now = self._personal(text, app, "", name, kind_of(name))
        return None if now is _GONE else str(now)

    def cell(self, text: str, app: str, name: str) -> str:
        """The cell of a column of a file of text; blank where it is dropped."""
        kind = kind_of(name)
        if (kind or plain(name) in self._names) and _may_be(kind, text):
            return self.whole(text, app, name) or ""
        if text[:1] in ("{", "["):
            return self.json(text, app, name)
        return self.text(text, app, name, is_id=_is_id(name))

    def _of(self, value: Any, app: str, holder: str, texts: bool, is_message: bool, is_of_thing: bool) -> Any:
        """A value without what is personal; the same object when there is nothing to take."""
        if isinstance(value, dict):
            return self._object(value, app, holder, texts, is_message, is_of_thing)
        if isinstance(value, list):
            now = [self._of(each, app, holder, texts, is_message, is_of_thing) for each in value]
            return now if any(new is not old for new, old in zip(now, value, strict=True)) else value
        if texts and isinstance(value, str):
            return self._string(value, app, holder)
        return value

    def _object(
        self, value: dict[str, Any], app: str, holder: str, texts: bool, is_message: bool, is_of_thing: bool
    ) -> dict[str, Any]:
        names_things = is_message and value.get("type") in OF_TYPES
        now, changed = {}, False
        for name, old in value.items():
            kind = kind_of(name)
            if name in _PLAIN_NAMES and not (is_message or is_of_thing or _is_thing(value, holder)):
                kind = "name"
            if (kind or (self._names and plain(name) in self._names)) and _may_be(kind, old):
                new = self._personal(old, app, holder, name, kind)
                if new is _GONE:
                    changed = True
                    continue
            elif name in IN_BASE64 and isinstance(old, str):
                new = self._from_base64(old, app, name)
            else:
                inner = is_message and name in OF_MESSAGES
                new = self._of(old, app, name, texts, inner, names_things)
            now[name] = new
            changed = changed or new is not old
        return now if changed else value

    def _personal(self, value: Any, app: str, holder: str, name: str, kind: str | None) -> Any:
        if self.found is not None and kind:
            self.found[holder, name, kind] += 1
        action = self.policies.of(app, kind, name)
        if action == KEEP:
            return value
        if action == DROP or isinstance(value, (dict, list)):
            return _GONE
        return self._hashed(value if isinstance(value, str) else orjson.dumps(value).decode())

    def _string(self, value: str, app: str, name: str) -> str:
        if value[:1] in ("{", "["):
            now = self.json(value, app, name)
            return value if now == value else now
        if not may_hold(value):
            return value
        now = self.text(value, app, name, is_id=_is_id(name))
        return value if now == value else now

    def _from_base64(self, value: str, app: str, name: str) -> str:
        padded = value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4)
        try:
            inner = base64.b64decode(padded, validate=True)
        except ValueError:
            inner = b""
        if inner.lstrip()[:1] not in (b"{", b"["):
            return self._string(value, app, name)
        now = self.raw(inner, app)
        return value if now is inner else base64.urlsafe_b64encode(now).decode().rstrip("=")

    def _unread(self, text: str, app: str, holder: str) -> str:
        """A text that cannot be read as JSON: its members are judged by their names alone."""
        kept, place = [], 0
        for member in _NAME.finditer(text):
            if member.start() < place:  # in a value that was judged as a whole
                continue
            name, end = _unescaped(member[1]), _end_of_value(text, member.end())
            value = text[member.end() : end]
            if name in IN_BASE64 and value[:1] == '"':
                now = f'"{self._from_base64(value.strip(QUOTE), app, name)}"'
            elif self._is_to_go(value, app, holder, name):
                now = '""'
            else:
                continue
            kept.append(f'{text[place : member.start()]}"{member[1]}":{now}')
            place = end
        return self.text("".join((*kept, text[place:])), app, holder)

    def _is_to_go(self, value: str, app: str, holder: str, name: str) -> bool:
        kind = kind_of(name)
        told = kind or plain(name) in self._names
        return bool(told) and self._personal(value, app, holder, name, kind) is not value

    def _hashed(self, value: str) -> str:
        return f"hashed-{self._key.hashed(value)}"


_PAGES = frozenset(("page", "screen", "group", "$groupidentify"))
# no JSON, a number beyond a double, or nested deeper than can be written or followed
_UNREADABLE = (orjson.JSONDecodeError, TypeError, RecursionError)


def _unescaped(name: str) -> str:
    try:
        return str(json.loads(f'"{name}"'))
    except ValueError:
        return name


def _end_of_value(text: str, begin: int) -> int:
    """Where a value of broken JSON ends, which may be the end of the text."""
    if text[begin : begin + 1] not in ("{", "["):
        value = _VALUE.match(text, begin)
        return value.end() if value else begin
    depth = 0
    for found in _BRACKET.finditer(text, begin):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return len(text)


def _may_be(kind: str | None, value: Any) -> bool:
    """Whether a value can be of the kind that its name says: `emails: 3` counts e-mails."""
    if value is None or isinstance(value, bool) or value in ("", {}, []):
        return False
    if isinstance(value, (int, float)):
        return kind is None or (kind in NUMBERS and abs(value) >= LEAST_NUMBER)
    if kind == "comment" and isinstance(value, str):
        return not value.strip().replace(".", "", 1).isdigit()
    return not (isinstance(value, str) and value.startswith("hashed-"))


def _is_thing(value: dict[str, Any], holder: str) -> bool:
    return plain(holder) in THINGS or any(plain(name) in OF_THINGS for name in value)


def _is_id(name: str) -> bool:
    word = plain(name)
    return word.endswith(("id", "ids")) or word in IDS
