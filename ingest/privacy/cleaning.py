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

from ingest.distinct import LONGEST_KNOWN, MOST_KNOWN
from ingest.privacy.key import Key
from ingest.privacy.names import (
    IN_BASE64,
    KINDS,
    OF_THINGS,
    OF_TYPES,
    PLAIN_NAMES,
    THINGS,
    WORDS,
    however_parted,
    kind_of,
    member_of,
    plain,
    plain_name,
)
from ingest.privacy.policy import DROP, HASH, KEEP, Policies
from ingest.privacy.texts import cleaned, is_email, may_hold, may_hold_shapes, searcher

# in these members of a request lie messages, whose `name` is an event's
OF_MESSAGES = frozenset(("batch", "events", "data", "payload"))
IDS = frozenset(("alias", "uid", "user", "sub", "previous"))
# a smaller number under such a name counts something
LEAST_NUMBER = 1000
# of a survey a number is kept, which is no text of anybody's; a longer one may be a card's
LONGEST_SCORE = 10
NUMBERS = frozenset(("phone", "birth", "number"))
# of these the loader reads where somebody is and on what, before they go
READ = ("ip", "user_agent")
_GONE = object()
QUOTE = '"'
# of what cannot be read as JSON: the name of a member, a value that is no list or object, and what ends one that is
_NAME = re.compile(r'"((?:[^"\\]|\\.){1,80})"\s*:\s*')
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^",{}\[\]\s]+')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
# so many names of members that were dropped are known, as they were spelled
SPELLINGS = 64
_OPENS = ("{", "[")
_WHITE = b" \t\r\n"
_is_written_plainly = re.compile(r"[A-Za-z0-9_.$ -]+").fullmatch
_has_plain_name = searcher(plain_name())


class Cleaner:
    """What may be stored of what came, for one home.

    Attributes:
        found: when it is a Counter, what was found is counted in it: by the name of the holder, of the member and kind.
        heard: the plain names of members by which the loader hears who refused, before it does with them what it is to.
    """

    def __init__(
        self,
        home: Path,
        policies: Policies,
        found: Counter[tuple[str, str, str]] | None = None,
        heard: frozenset[str] = frozenset(),
    ) -> None:
        self.policies, self.found, self.heard = policies, found, heard
        self._home, self._key, self._names = home, Key(home), policies.names
        kinds = [kind for kind in WORDS if found is not None or kind in policies.kinds]
        self._names_somebody = searcher(member_of(kinds, self._names))
        # what was found out of names: those of which nothing is to be said, and those whose texts were dropped, by app.
        # Threads share it: what one goes through, another replaces and does not change
        self._innocent: dict[str, bool] = {}
        self._dropped: tuple[tuple[str, str], ...] = ()

    @property
    def more(self) -> str:
        """What to look for beside the stems of the names of all kinds: those that have a policy of their own."""
        return "".join(f"|{however_parted(name)}" for name in sorted(self._names))

    def is_suspect(self, text: str) -> bool:
        """Whether something personal may be in JSON; sometimes wrong where it says so, never where it does not."""
        return self._names_somebody(text) or may_hold_shapes(text) or _names_no_thing(text)

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
        return self._waiting._without_usual(body, app)

    def _without_usual(self, body: bytes, app: str) -> bytes:
        """What `messages` returns, faster where all that is personal are members that were dropped before."""
        left = body
        for of_app, name in self._dropped:
            if of_app == app:
                left = _without(left, name.encode())
        if left is not body and not self.is_suspect(left.decode("utf-8", "replace")):
            return left
        return self.messages(left, app)

    @cached_property
    def _waiting(self) -> Cleaner:
        waits = self.heard.difference(KINDS).union(READ)
        told = {(app, kind): action for (app, kind), action in self.policies.told.items() if kind not in waits}
        policies = replace(self.policies, told=told | {(None, kind): KEEP for kind in READ})
        return Cleaner(self._home, policies)

    def messages(self, text: bytes, app: str) -> bytes:
        """The JSON text of a message, or of many.

        Raises:
            orjson.JSONDecodeError: when it is none, or nested too deeply.
        """
        try:
            value = orjson.loads(text)
            now = self._of(value, app, "", may_hold_shapes(text.decode("utf-8", "replace")), True, False)
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

    def forms(self, text: str) -> set[str]:
        """An id in every form in which it may be stored: of an address it differs by app, and by when it came."""
        return {text, self._hashed(text)} if is_email(text) else {text}

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
        """A value without what is personal; the same object when there is nothing to take.

        Args:
            value: what JSON says.
            app: whose it is.
            holder: the name of the member that holds it.
            texts: whether there may be something in a text; else only names, and JSON that is a text, are looked at.
            is_message: whether it is a message, whose `name` is an event's.
            is_of_thing: whether it belongs to a message of a type whose `name` is a thing's.
        """
        if isinstance(value, dict):
            return self._object(value, app, holder, texts, is_message, is_of_thing)
        if isinstance(value, list):
            now = [self._of(each, app, holder, texts, is_message, is_of_thing) for each in value]
            return now if any(new is not old for new, old in zip(now, value, strict=True)) else value
        if isinstance(value, str) and (texts or value[:1] in _OPENS):
            return self._string(value, app, holder)
        return value

    def _object(
        self, value: dict[str, Any], app: str, holder: str, texts: bool, is_message: bool, is_of_thing: bool
    ) -> dict[str, Any]:
        names_things = is_message and _names_things(value)
        innocent, changed = self._innocent, {}
        for name, old in value.items():
            if innocent.get(name) or self._is_innocent(name):
                # most members are of this kind, and most of them numbers and texts without anything
                kind = type(old)
                if kind is str:
                    new = self._string(old, app, name) if texts or old[:1] in _OPENS else old
                elif kind is dict or kind is list:
                    new = self._of(old, app, name, texts, is_message and name in OF_MESSAGES, names_things)
                else:
                    continue
            else:
                new = self._judged(value, name, app, holder, texts, is_message, is_of_thing)
            if new is not old:
                changed[name] = new
        if not changed:
            return value
        now = value | changed
        return {name: new for name, new in now.items() if new is not _GONE}

    def _is_innocent(self, name: str) -> bool:
        """Whether nothing is to be said of a member by its name, which is remembered."""
        told = kind_of(name) or name in PLAIN_NAMES or name in IN_BASE64 or plain(name) in self._names
        if not told and len(name) <= LONGEST_KNOWN and len(self._innocent) < MOST_KNOWN:
            self._innocent[name] = True
        return not told

    def _judged(
        self, value: dict[str, Any], name: str, app: str, holder: str, texts: bool, is_message: bool, is_of_thing: bool
    ) -> Any:
        """What is left of a member of which its name says something."""
        old, kind = value[name], kind_of(name)
        if name in PLAIN_NAMES and not (is_message or is_of_thing or _is_thing(value, holder)):
            kind = "name"
        if (kind or plain(name) in self._names) and _may_be(kind, old):
            new = self._personal(old, app, holder, name, kind)
            # what is kept is kept as a whole where it is one value: an object has members of its own
            if new is not old or not isinstance(old, (dict, list)):
                return new
        if name in IN_BASE64 and isinstance(old, str):
            return self._from_base64(old, app, name)
        names_things = is_message and _names_things(value)
        return self._of(old, app, name, texts, is_message and name in OF_MESSAGES, names_things)

    def _personal(self, value: Any, app: str, holder: str, name: str, kind: str | None) -> Any:
        if self.found is not None and kind:
            self.found[holder, name, kind] += 1
        action = self.policies.of(app, kind, name)
        if action == KEEP:
            return value
        if action == DROP or isinstance(value, (dict, list)):
            is_text = kind != "comment" and isinstance(value, str) and name not in PLAIN_NAMES
            if is_text and (app, name) not in self._dropped and _is_written_plainly(name):
                self._dropped = (*self._dropped, (app, name))[-SPELLINGS:]
            return _GONE
        return self._hashed(value if isinstance(value, str) else orjson.dumps(value).decode())

    def _string(self, value: str, app: str, name: str) -> str:
        if value[:1] in ("{", "["):
            now = self.json(value, app, name)
            return value if now == value else now
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


def _without(text: bytes, name: bytes) -> bytes:
    """JSON without the members of a name, as far as they are texts that stand there plainly."""
    first, *parts = text.split(needle := b'"%b":' % name)
    kept = [first]
    for part in parts:
        before, value = kept[-1].rstrip(_WHITE), part.lstrip(_WHITE)
        end = value.find(b'"', 1)
        is_plain = value[:1] == b'"' and end > 1 and b"\\" not in value[:end] and not value.startswith(b'"hashed-')
        if not is_plain or before[-1:] not in (b"{", b","):
            kept.append(needle + part)
            continue
        after = value[end + 1 :]
        if before[-1:] == b",":
            before = before[:-1]
        elif after.lstrip(_WHITE)[:1] == b",":
            after = after.lstrip(_WHITE)[1:]
        elif after.lstrip(_WHITE)[:1] == b"}":
            # of an object that would be left empty, the name of its holder says whether it was to go as a whole
            kept.append(needle + part)
            continue
        kept[-1:] = before, after
    return b"".join(kept)


def _names_no_thing(text: str) -> bool:
    """Whether JSON has a plain `name` that is none of an object which is a thing by the name of its holder."""
    if not _has_plain_name(text):
        return False
    *befores, _ = parts = text.split('"name":')
    return _has_plain_name("".join(parts)) or not all(map(_ends_in_thing, befores))


def _ends_in_thing(text: str) -> bool:
    """Whether JSON ends within an object, but within no object or text of its own, whose holder names a thing."""
    begin = text.rfind("{")
    holder = text[:begin].rstrip()
    if begin < 1 or "}" in text[begin:] or holder[-1:] != ":":
        return False
    holder = holder[:-1].rstrip()
    name = holder[holder.rfind('"', 0, -1) + 1 : -1]
    before = holder[: -len(name) - 2]
    return holder[-1:] == '"' and before[-1:] in ("{", ",") and "\\" not in name and plain(name) in THINGS


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
        return not (value.strip().replace(".", "", 1).isdigit() and len(value) <= LONGEST_SCORE)
    return not (isinstance(value, str) and value.startswith("hashed-"))


def _names_things(message: dict[str, Any]) -> bool:
    """Whether a message is of a type whose names are those of things; a type may be anything that JSON says."""
    told = message.get("type")
    return isinstance(told, str) and told in OF_TYPES


def _is_thing(value: dict[str, Any], holder: str) -> bool:
    return plain(holder) in THINGS or any(plain(name) in OF_THINGS for name in value)


def _is_id(name: str) -> bool:
    word = plain(name)
    return word.endswith(("id", "ids")) or word in IDS
