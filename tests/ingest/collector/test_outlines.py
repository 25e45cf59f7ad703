"""What is read of a body no further than its outline is answered and counted as if all of it had been read."""

import json
import random
from typing import Any

import msgspec
import pytest

from ingest.collector.body import UNREADABLE, json_text
from ingest.vendors import VENDORS
from ingest.vendors.vendor import RefusedRequest, Request, Vendor
from tests.ingest.collector.test_hostile import ODD_BODIES

OUTLINED = [(vendor, path) for vendor in VENDORS.values() for path in vendor.outlines]
WORDS = ["batch", "events", "api_key", "writeKey", "token", "properties", "event", "data", "uuid", "sent_at"]
USUAL = {"batch": [{}, {"uuid": "u1"}], "events": [{}], "api_key": "k"}
LEAVES = [None, True, 7, 1.5, "k", "é", "", "\x00", {}, [], [{}], [{"uuid": "u1"}, {}], [[]], [7], {"token": "t"}]


def some(rng: random.Random, depth: int = 0) -> Any:
    if depth == 2 or (depth and rng.random() < 0.6):
        return rng.choice(LEAVES)
    if rng.random() < 0.2:
        return [some(rng, depth + 1) for _ in range(rng.randrange(3))]
    words = rng.sample(WORDS, rng.randrange(len(WORDS)))
    return {word: USUAL[word] if word in USUAL and rng.random() < 0.7 else some(rng, depth + 1) for word in words}


def bodies() -> list[bytes]:
    rng = random.Random(4)
    made = [json.dumps(some(rng), ensure_ascii=rng.random() < 0.5).encode() for _ in range(3000)]
    made += [body[: rng.randrange(len(body) + 1)] for body in made[:300]]
    made += [b'{"events":[{"a":"\xff"}],"batch":[{"b":"\xc3\x28"}],"api_key":"k"}', b'{"events":[{"a":1e400}]}']
    return made + list(ODD_BODIES.values())


def told(vendors: list[Vendor], path: str, body: bytes, outlined: bool) -> Any:
    """Everything that is made of a body, or the refusal."""
    outlines = [msgspec.json.Decoder(vendor.outlines[path]) for vendor in vendors if path in vendor.outlines]
    try:
        text, parsed, form = json_text(body, {}, outlines if outlined else [])
        request = Request("POST", path, {}, {"x-api-key": "own"}, text, parsed, form)
        vendor = next((each for each in vendors if each.claims(request)), vendors[0])
        return vendor.name, vendor.receive(request), vendor.accepted(request)
    except RefusedRequest as refused:
        return refused.status, str(refused)


@pytest.mark.parametrize("path", sorted({path for _, path in OUTLINED}))
def test_the_outline_of_a_body_says_what_the_whole_says(path: str) -> None:
    vendors = [vendor for vendor in VENDORS.values() if path in vendor.paths]
    outlines = [msgspec.json.Decoder(vendor.outlines[path]) for vendor in vendors if path in vendor.outlines]
    fitting = 0
    for body in bodies():
        assert told(vendors, path, body, outlined=True) == told(vendors, path, body, outlined=False), body
        for outline in outlines:
            try:
                outline.decode(body)
            except UNREADABLE:
                continue
            fitting += 1
    assert fitting > 50, "hardly a body had the shape of the outline"
