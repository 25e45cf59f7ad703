"""From the bytes of a request to its JSON: by what they are, because what SDKs say of them is not to be believed."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ingest.vendors.vendor import RefusedRequest

GZIP = b"\x1f\x8b"
_FORM = re.compile(rb"[\w$.%-]+=")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")


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


def json_text(body: bytes, query: Mapping[str, str]) -> tuple[bytes, Any, dict[str, str]]:
    """Return the JSON text of a body, what it means, and the other fields of a form.

    The text may lie in a form's or a query's `data`, in base64 of either alphabet, padded or not.

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
    try:
        return text, orjson.loads(text), form
    except orjson.JSONDecodeError as error:
        raise RefusedRequest(400, f"The body is no JSON: {str(error)[:200]}. Send JSON.") from None


def _from_base64(text: bytes) -> bytes:
    plain = text.replace(b" ", b"+").translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True).strip()
    except ValueError:
        return text
