"""Real SDKs from the package index, unmodified but for their host: one story, told by each, is the same events."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.collector.keys import Keys
from tests.ingest.collector.conftest import serving
from tests.ingest.events import landed

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
ORDER = {"order_id": "o1", "revenue": 19.99, "currency": "EUR"}


def segment(url: str, key: str) -> None:
    from segment.analytics.client import Client

    client = Client(key, host=url, max_retries=1)
    client.track(anonymous_id="d1", event="Product Viewed", properties={"sku": "A1"}, timestamp=AT)
    client.identify("u1", {"plan": "pro"}, anonymous_id="d1", timestamp=AT)
    client.track("u1", "Order Completed", ORDER, timestamp=AT)
    client.shutdown()


def rudder(url: str, key: str) -> None:
    from rudderstack.analytics.client import Client

    client = Client(key, host=url, max_retries=1)
    client.track(anonymous_id="d1", event="Product Viewed", properties={"sku": "A1"}, timestamp=AT)
    client.identify("u1", {"plan": "pro"}, anonymous_id="d1", timestamp=AT)
    client.track("u1", "Order Completed", ORDER, timestamp=AT)
    client.shutdown()


def posthog(url: str, key: str) -> None:
    from posthog import Posthog

    client = Posthog(key, host=url, disable_geoip=True)
    anonymous = {"sku": "A1", "$process_person_profile": False}
    client.capture("Product Viewed", distinct_id="d1", properties=anonymous, timestamp=AT)
    client.alias("d1", "u1", timestamp=AT)
    client.set(distinct_id="u1", properties={"plan": "pro"}, timestamp=AT)
    client.capture("Order Completed", distinct_id="u1", properties=ORDER, timestamp=AT)
    client.shutdown()


def amplitude(url: str, key: str) -> None:
    from amplitude import Amplitude, BaseEvent, Identify

    client = Amplitude(key)
    client.configuration.server_url = f"{url}/2/httpapi"
    time = int(AT.timestamp() * 1000)
    client.track(BaseEvent("Product Viewed", device_id="d1", time=time, event_properties={"sku": "A1"}))
    from amplitude import EventOptions

    client.identify(Identify().set("plan", "pro"), EventOptions(user_id="u1", device_id="d1", time=time))
    order = {"order_id": "o1", "currency": "EUR"}
    client.track(BaseEvent("Order Completed", user_id="u1", time=time, revenue=19.99, event_properties=order))
    client.shutdown()


def mixpanel(url: str, key: str) -> None:
    from mixpanel import Consumer, Mixpanel

    urls = {f"{name}_url": f"{url}/{path}" for name, path in (("events", "track"), ("people", "engage"))}
    client = Mixpanel(key, Consumer(**urls, groups_url=f"{url}/groups", import_url=f"{url}/import"))
    seconds = int(AT.timestamp())
    anonymous = {"sku": "A1", "time": seconds, "$device_id": "d1"}
    client.track("$device:d1", "Product Viewed", anonymous)
    client.people_set("u1", {"plan": "pro"}, meta={"$time": seconds, "$device_id": "d1"})
    client.track("u1", "Order Completed", {**ORDER, "time": seconds})


def snowplow(url: str, key: str) -> None:
    from snowplow_tracker import Emitter, SelfDescribingJson, Subject, Tracker
    from snowplow_tracker.events import SelfDescribing

    del key  # the app id stands for it
    host, _, port = url.removeprefix("http://").partition(":")
    emitter = Emitter(host, protocol="http", port=int(port), method="post", batch_size=10)
    tracker = Tracker("ns", emitters=[emitter], app_id="snowplow-app", encode_base64=True)
    for name, user, data in [("product_viewed", None, {"sku": "A1"}), ("order_completed", "u1", ORDER)]:
        subject = Subject().set_domain_user_id("d1")
        if user:
            subject.set_user_id(user)
        described = SelfDescribingJson(f"iglu:com.example/{name}/jsonschema/1-0-0", data)
        event = SelfDescribing(described, event_subject=subject, true_timestamp=int(AT.timestamp() * 1000))
        tracker.track(event)
    tracker.flush()


TOLD: dict[Callable[[str, str], None], list[tuple[Any, ...]]] = {
    segment: [("Order Completed", "u1", None), ("Product Viewed", None, "d1"), ("identify", "u1", "d1")],
    rudder: [("Order Completed", "u1", None), ("Product Viewed", None, "d1"), ("identify", "u1", "d1")],
    posthog: [
        ("$create_alias", "d1", None),
        ("$set", "u1", None),
        ("Order Completed", "u1", None),
        ("Product Viewed", None, "d1"),
    ],
    amplitude: [("$identify", "u1", "d1"), ("Order Completed", "u1", None), ("Product Viewed", None, "d1")],
    mixpanel: [("$set", "u1", "d1"), ("Order Completed", "u1", None), ("Product Viewed", None, "d1")],
    snowplow: [("order_completed", "u1", "d1"), ("product_viewed", None, "d1")],
}


@pytest.mark.parametrize("sdk", TOLD, ids=lambda sdk: sdk.__name__)
def test_an_sdk_tells_its_story(sdk: Callable[[str, str], None], tmp_path: Path) -> None:
    _, key = Keys(tmp_path).create("write", "shop")
    Keys(tmp_path).create("write", "shop", "snowplow-app")
    with serving(tmp_path) as server:
        sdk(server.url, key)
        server.stop()
    found = landed(tmp_path, "event_name, user_id, anonymous_id, app, epoch(occurred_at)::bigint, properties")
    assert [row[:3] for row in found] == TOLD[sdk]
    assert {row[3] for row in found} == {"shop"}
    # clock correction may move what was sent a moment ago
    assert all(abs(row[4] - AT.timestamp()) <= 2 for row in found)
    properties = {row[0].lower().replace(" ", "_"): json.loads(row[5]) for row in found}
    assert properties["product_viewed"]["sku"] == "A1"
    assert {name: properties["order_completed"].get(name) for name in ("order_id", "currency", "amount_cents")} == {
        "order_id": "o1",
        "currency": "EUR",
        "amount_cents": 1999,
    }
    changed = next((each["$set"] for each in properties.values() if "$set" in each), {"plan": "pro"})
    assert changed == {"plan": "pro"}
