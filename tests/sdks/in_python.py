"""The story as the Python SDKs tell it: a page is viewed, then a product, somebody logs in and orders."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
VIEWED, PRODUCT, LOGIN, ORDER = (AT + timedelta(minutes=minute) for minute in range(4))
PAGE = "http://localhost/shop.html?utm_source=news&utm_medium=email&utm_campaign=spring"
PRODUCT_VIEWED = {"product_id": "A1"}
ORDERED = {"order_id": "o1", "revenue": 19.99, "currency": "USD"}


def segment(url: str, key: str, device: str, user: str) -> None:
    from segment.analytics.client import Client

    _tell_as_segment(Client(key, host=url, max_retries=1), device, user)


def rudder(url: str, key: str, device: str, user: str) -> None:
    from rudderstack.analytics.client import Client

    _tell_as_segment(Client(key, host=url, max_retries=1), device, user)


def _tell_as_segment(client: Any, device: str, user: str) -> None:
    """By the methods that RudderStack's client has of Segment's."""
    client.page(anonymous_id=device, name="Shop", context={"page": {"url": PAGE, "title": "Shop"}}, timestamp=VIEWED)
    client.track(anonymous_id=device, event="Product Viewed", properties=PRODUCT_VIEWED, timestamp=PRODUCT)
    client.identify(user, {"plan": "pro"}, anonymous_id=device, timestamp=LOGIN)
    client.track(user, "Order Completed", ORDERED, anonymous_id=device, timestamp=ORDER)
    client.shutdown()


def posthog(url: str, key: str, device: str, user: str) -> None:
    from posthog import Posthog

    client = Posthog(key, host=url, disable_geoip=True)
    anonymous = {"$device_id": device, "$process_person_profile": False}
    page = {**anonymous, "$current_url": PAGE, "$title": "Shop"}
    client.capture("$pageview", distinct_id=device, properties=page, timestamp=VIEWED)
    client.capture("Product Viewed", distinct_id=device, properties=PRODUCT_VIEWED | anonymous, timestamp=PRODUCT)
    client.alias(device, user, timestamp=LOGIN)
    client.set(distinct_id=user, properties={"plan": "pro"}, timestamp=LOGIN)
    client.capture("Order Completed", distinct_id=user, properties=ORDERED | {"$device_id": device}, timestamp=ORDER)
    client.shutdown()


def amplitude(url: str, key: str, device: str, user: str) -> None:
    from amplitude import Amplitude, BaseEvent, EventOptions, Identify

    client = Amplitude(key)
    client.configuration.server_url = f"{url}/2/httpapi"
    viewed, product, login, ordered = (int(at.timestamp() * 1000) for at in (VIEWED, PRODUCT, LOGIN, ORDER))
    page = {"[Amplitude] Page Location": PAGE, "[Amplitude] Page Title": "Shop"}
    client.track(BaseEvent("[Amplitude] Page Viewed", device_id=device, time=viewed, event_properties=page))
    client.track(BaseEvent("Product Viewed", device_id=device, time=product, event_properties=PRODUCT_VIEWED))
    client.identify(Identify().set("plan", "pro"), EventOptions(user_id=user, device_id=device, time=login))
    order = {"order_id": "o1", "currency": "USD"}
    event = BaseEvent("Order Completed", user, device, time=ordered, revenue=19.99, event_properties=order)
    client.track(event)
    client.shutdown()


def mixpanel(url: str, key: str, device: str, user: str) -> None:
    from mixpanel import Consumer, Mixpanel

    urls = {f"{name}_url": f"{url}/{path}" for name, path in (("events", "track"), ("people", "engage"))}
    client = Mixpanel(key, Consumer(**urls, groups_url=f"{url}/groups", import_url=f"{url}/import"))
    viewed, product, login, ordered = (int(at.timestamp()) for at in (VIEWED, PRODUCT, LOGIN, ORDER))
    page = {"$current_url": PAGE, "current_page_title": "Shop", "time": viewed, "$device_id": device}
    client.track(f"$device:{device}", "$mp_web_page_view", page)
    anonymous = PRODUCT_VIEWED | {"time": product, "$device_id": device}
    client.track(f"$device:{device}", "Product Viewed", anonymous)
    client.people_set(user, {"plan": "pro"}, meta={"$time": login, "$device_id": device})
    client.track(user, "Order Completed", ORDERED | {"time": ordered, "$device_id": device})


def snowplow(url: str, key: str, device: str, user: str) -> None:
    from snowplow_tracker import Emitter, PageView, SelfDescribingJson, Subject, Tracker
    from snowplow_tracker.events import SelfDescribing

    host, _, port = url.removeprefix("http://").partition(":")
    emitter = Emitter(host, protocol="http", port=int(port), method="post", batch_size=10)
    # the app id stands for the key
    tracker = Tracker("ns", emitters=[emitter], app_id=key, encode_base64=True)
    anonymous = Subject().set_domain_user_id(device)
    viewed, product, ordered = (int(at.timestamp() * 1000) for at in (VIEWED, PRODUCT, ORDER))
    tracker.track(PageView(PAGE, page_title="Shop", event_subject=anonymous, true_timestamp=viewed))
    described = SelfDescribingJson("iglu:com.example/product_viewed/jsonschema/1-0-0", PRODUCT_VIEWED)
    tracker.track(SelfDescribing(described, event_subject=anonymous, true_timestamp=product))
    known = Subject().set_domain_user_id(device).set_user_id(user)
    described = SelfDescribingJson("iglu:com.example/order_completed/jsonschema/1-0-0", ORDERED)
    tracker.track(SelfDescribing(described, event_subject=known, true_timestamp=ordered))
    tracker.flush()


IN_PYTHON: dict[str, Callable[[str, str, str, str], None]] = {
    "segment": segment,
    "rudder": rudder,
    "posthog": posthog,
    "amplitude": amplitude,
    "mixpanel": mixpanel,
    "snowplow": snowplow,
}
