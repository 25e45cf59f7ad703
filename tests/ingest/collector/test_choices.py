"""Who opts out by HTTP, or says so in what is sent, is counted and not stored."""

from pathlib import Path
from typing import Any

import pytest

from ingest.collector.keys import Keys
from tests.ingest.collector.exchange import basic, exchange
from tests.ingest.events import batches, landed

AT = "2024-05-06T07:08:09Z"
OUT, IN = "/privacy/opt-out", "/privacy/opt-in"


def seen(user: str, key: str) -> dict[str, Any]:
    told = {"event_name": "seen", "occurred_at": AT, "user_id": user, "event_id": f"e-{user}"}
    return {"path": "/analytics/events/track", "json": told, "headers": {"X-API-Key": key}}


def choice(path: str, key: str, **ids: Any) -> dict[str, Any]:
    return {"path": path, "json": ids, "headers": {"X-API-Key": key}}


def test_a_choice_holds_for_what_lands_from_then_on_in_its_app(tmp_path: Path) -> None:
    (_, shop), (_, blog) = (Keys(tmp_path).create("write", app) for app in ("shop", "blog"))
    ann_and_bob = (seen("ann@mail.example", shop), seen("ann@mail.example", blog), seen("7", shop))
    answers = exchange(
        tmp_path, choice(OUT, shop, user_id=7), choice(OUT, shop, user_id="Ann@Mail.example"), *ann_and_bob
    )
    assert [answer.status_code for answer in answers] == [200] * 5
    assert landed(tmp_path, "app") == [("blog",)]
    assert sum(batch.opted_out for batch in batches(tmp_path)) == 2
    assert not any("ann" in path.read_text().lower() for path in (tmp_path / "privacy").glob("*.*json"))
    exchange(tmp_path, choice(IN, shop, user_id=7), seen("7", shop))
    assert landed(tmp_path, "app, user_id", "app = 'shop'") == [("shop", "7")]


def test_a_choice_needs_a_key_an_id_and_a_post(tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    wrong = [
        choice(OUT, "wrong", user_id="ann"),
        choice(OUT, key),
        choice(OUT, key, user_id=" "),
        {"path": f"{OUT}?key={key}", "content": b"[]"},
        {"path": f"{OUT}?key={key}&user_id=ann", "method": "GET"},
        {"path": f"{OUT}?key={key}", "content": b"{"},
        # of an event these are stored otherwise than a program writes them
        *(choice(OUT, key, user_id=said) for said in (True, 7.5, ["ann"], {"id": "ann"})),
    ]
    assert [answer.status_code for answer in exchange(tmp_path, *wrong)] == [401, *[400] * 9]
    assert not list((tmp_path / "privacy").glob("opted_out*"))
    # as a page posts it
    plain = {"Content-Type": "text/plain", "Origin": "https://shop.example"}
    (said,) = exchange(tmp_path, {"path": f"{OUT}?key={key}", "content": b'{"anonymous_id": "d"}', "headers": plain})
    assert said.json() == {"status": "ok"} and said.headers["access-control-allow-origin"] == "https://shop.example"


def test_a_choice_that_cannot_be_kept_is_to_be_sent_again(tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    (tmp_path / "privacy" / "opted_out.ndjson").mkdir(parents=True)
    (said,) = exchange(tmp_path, choice(OUT, key, user_id="ann"))
    assert said.status_code == 503 and said.headers["retry-after"]


def by_segment(key: str, *preferences: dict[str, Any]) -> dict[str, Any]:
    sent = [
        {"type": "track", "event": "seen", "messageId": f"m{n}", "userId": "u", "timestamp": AT,
         "context": {"consent": {"categoryPreferences": each}}}
        for n, each in enumerate(preferences)
    ]  # fmt: skip
    return {"path": "/v1/batch", "headers": basic(key), "json": {"batch": sent}}


def by_google(key: str, **consent: str) -> dict[str, Any]:
    body = {
        "client_id": "c",
        "timestamp_micros": 1_714_979_289_000_000,
        "consent": consent,
        "events": [{"name": "seen"}],
    }
    return {"path": f"/mp/collect?api_secret={key}", "json": body}


def by_posthog(key: str, **properties: Any) -> dict[str, Any]:
    event = {"event": "seen", "timestamp": AT, "distinct_id": "u", "properties": properties}
    return {"path": "/batch/", "json": {"api_key": key, "batch": [event]}}


REFUSES: dict[str, Any] = {
    "segment": (lambda key: by_segment(key, {"Analytics": False}), lambda key: by_segment(key, {"Analytics": True})),
    "google": (
        lambda key: by_google(key, ad_user_data="DENIED", analytics_storage="DENIED"),
        lambda key: by_google(key, ad_user_data="DENIED", ad_personalization="GRANTED"),
    ),
    "posthog": (lambda key: by_posthog(key, gcs="G100"), lambda key: by_posthog(key, gcs="G101")),
    "own": (
        lambda key: seen("u", key) | {"json": seen("u", key)["json"] | {"consent": {"statistics": "denied"}}},
        lambda key: seen("u", key) | {"json": seen("u", key)["json"] | {"consent": {"marketing": "denied"}}},
    ),
}


@pytest.mark.parametrize("vendor", REFUSES)
def test_consent_is_heeded_as_each_vendor_sends_it(vendor: str, tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    refuses, assents = REFUSES[vendor]
    answers = exchange(tmp_path, refuses(key), assents(key))
    assert all(answer.status_code in (200, 204) for answer in answers)
    (batch,) = batches(tmp_path)
    assert (batch.received, batch.accepted, batch.opted_out) == (1, 1, 1)


def test_a_refusal_is_heard_that_is_not_to_be_stored_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", "consent=drop,opt_out=drop")
    _, key = Keys(tmp_path).create("write", "shop")
    told = [{"consent": "denied"}, {"opt_out": "yes"}, {"consent": "granted", "opt_out": "no"}]
    exchange(tmp_path, *(seen(str(n), key) | {"json": seen(str(n), key)["json"] | each} for n, each in enumerate(told)))
    assert sum(batch.opted_out for batch in batches(tmp_path)) == 2
    assert landed(tmp_path, "user_id, properties") == [("2", "{}")]


@pytest.mark.parametrize("policies", ["analytics=drop", "shop:analytics=hash,usage=drop", "categoryPreferences=drop"])
def test_a_refusal_is_heard_whose_category_is_not_to_be_stored(
    policies: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_PRIVACY_POLICIES", policies)
    monkeypatch.setenv("FOOTFALL_CONSENT_CATEGORIES", "analytics,usage")
    _, key = Keys(tmp_path).create("write", "shop")
    told = [{category: said} for said in ("denied", "granted") for category in ("Analytics", "usage")]
    own = [seen(str(n), key) | {"json": seen(str(n), key)["json"] | {"consent": each}} for n, each in enumerate(told)]
    exchange(tmp_path, *own, by_segment(key, *told))
    assert sum(batch.opted_out for batch in batches(tmp_path)) == 4
    kept = dict(landed(tmp_path, "event_id, coalesce(context_other, properties)"))
    assert kept.keys() == {"e-2", "e-3", "m2", "m3"}
    dropped = [name for name in ("categorypreferences", "analytics", "usage") if f"{name}=drop" in policies.lower()]
    assert not any(name in said.lower() for name in dropped for said in kept.values())
