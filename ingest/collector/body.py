"""From the bytes of a request to its JSON: by what they are, because what SDKs say of them is not to be believed."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
import orjson

from ingest.vendors.vendor import RefusedRequest

# reads a shape of JSON that a vendor asks for
Outline = msgspec.json.Decoder[msgspec.Struct]

T = TypeVar("T")
GZIP = b"\x1f\x8b"
_FORM = re.compile(rb"[\w$.%-]+=")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_ANY_JSON = msgspec.json.Decoder(msgspec.Raw)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo gzip and deflate, never beyond `limit` bytes.

    Raises:
        RefusedRequest: 413 when there is more, 400 when it cannot be decompressed or is of another encoding.
    """
    if body.startswith(GZIP):
        window = zlib.MAX_WBITS | 16
    elif encoding == "deflate":
        window = zlib.MAX_WBITS if body[:1] == b"\x78" else -zlib.MAX_WBITS
    elif encoding in ("", "identity", "gzip", "gzip-js", "base64"):
        return body  # an encoding that is claimed and not there is no reason to lose anything
    else:
        raise RefusedRequest(400, f"Content-Encoding {encoding[:40]!r} is not understood. Send gzip, deflate or none.")
    unpack = zlib.decompressobj(window)
    try:
        text = unpack.decompress(body, limit + 1)
    except zlib.error:
        raise RefusedRequest(400, "The body cannot be decompressed. Send it whole.") from None
    if len(text) > limit:
        raise RefusedRequest(413, f"The body is larger than {limit} bytes. Send smaller batches.")
    if not unpack.eof:
        raise RefusedRequest(400, "The compressed body ends too early. Send it whole.")
    return text


def json_text(
    body: bytes, query: Mapping[str, str], outlines: Iterable[Outline] = ()
) -> tuple[bytes, Any, dict[str, str]]:
    """Return the JSON text of a body, what it means, and the other fields of a form.

    The text may lie in a form's or a query's `data`, in base64 of either alphabet, padded or not. What has the shape of
    an outline is checked whole and read no further; a third of the time of reading it all.

    Raises:
        RefusedRequest: 400 when there is no JSON.
    """
    form: dict[str, str] = {}
    text = body.strip()
    if text[:1] not in (b"{", b"[") and _FORM.match(text) and not _BASE64.fullmatch(text):
        try:
            form = dict(parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=1000))
        except (UnicodeDecodeError, ValueError):
            raise RefusedRequest(400, "The form cannot be read. Send UTF-8, and less than 1000 fields.") from None
        text = form.pop("data", "").encode()
    if not text.strip() and "data" in query:
        text = query["data"].encode()
    if not text.strip():
        return b"", None, form
    text = text.strip()
    if text[:1] not in (b"{", b"["):
        text = _from_base64(text)
    return text, _outlined(text, outlines) or _parsed(text), form


def _outlined(text: bytes, outlines: Iterable[Outline]) -> dict[str, Any] | None:
    for outline in outlines:
        with contextlib.suppress(*UNREADABLE):
            found = msgspec.structs.asdict(_checked(outline, text))
            return {name: value for name, value in found.items() if value is not msgspec.UNSET}
    return None


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # a number beyond a double is JSON: what becomes of its event is the loader's business, and of the others too
        with contextlib.suppress(*UNREADABLE):
            _checked(_ANY_JSON, text)
            return json.loads(text, parse_int=float)
        raise RefusedRequest(400, f"The body is no JSON: {str(error)[:200]}. Send JSON.") from None


def _checked(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    """Decode JSON of which nothing is left unchecked: of what it skips msgspec does not say whether it is UTF-8."""
    found = decoder.decode(text)
    if not text.isascii():
        text.decode()
    return found


def _from_base64(text: bytes) -> bytes:
    plain = text.replace(b" ", b"+").translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True).strip()
    except ValueError:
        return text
