"""Four months of a small subscription business: visits, registrations, generations, referrals, payments."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

APP = "studio"
START = datetime(2015, 5, 1, tzinfo=UTC)
DAYS = 130
PERSONS = 60
PRICES = {"basic": 900, "pro": 2900}
SOURCES = ["", "?utm_source=google&utm_medium=cpc", "?utm_source=newsletter&utm_medium=email"]


def business_events(seed: int = 7) -> list[dict[str, Any]]:
    """All events, in no order that means anything."""
    rng = random.Random(seed)
    return [event for number in range(PERSONS) for event in _life(number, rng)]


def _life(number: int, rng: random.Random) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    device, user = f"d{number}", f"s{number}"
    context = {"country": rng.choice(["DE", "FR", "US"]), "device_type": rng.choice(["desktop", "mobile"])}
    source = rng.choice(SOURCES)

    def happens(name: str, at: datetime, is_known: bool = True, **properties: Any) -> None:
        page = {"page_url": f"https://studio.example/{rng.choice(['', 'gallery', 'pricing'])}{source}"}
        events.append(
            {
                "event_id": f"{user}-{len(events)}",
                "event_name": name,
                "occurred_at": at.isoformat(),
                "anonymous_id": device,
                "user_id": user if is_known else None,
                "app": APP,
                "properties": properties,
                "context": {**context, **(page if name == "page_view" else {})},
            }
        )

    at = START + timedelta(days=rng.uniform(0, DAYS * 0.8))
    for _ in range(rng.randint(1, 4)):
        happens("page_view", at, is_known=False)
        at += timedelta(seconds=rng.choice([3, 40, 7200]))
    if rng.random() < 0.25:
        return events
    happens(rng.choice(["signup", "user_registered", "Signed Up"]), at)
    registered = at
    while at < START + timedelta(days=DAYS) and rng.random() > 0.05:
        at += timedelta(days=rng.expovariate(0.4))
        happens("page_view", at)
        happens(
            rng.choice(["generation_completed", "generation_completed", "generation_failed"]),
            at + timedelta(seconds=20),
        )
        if rng.random() < 0.2:
            happens(rng.choice(["referral_sent", "referral_accepted", "referral_milestone", "referral_withdrawal"]), at)
    if rng.random() < 0.6:
        _pay(happens, user, registered + timedelta(days=rng.uniform(0, 45)), rng)
    return events


def _pay(happens: Any, user: str, at: datetime, rng: random.Random) -> None:
    """A subscription with its payments, sometimes after a trial, changed or cancelled later."""
    plan, end = rng.choice(sorted(PRICES)), START + timedelta(days=DAYS)
    subscription = {"subscription_id": f"sub-{user}", "billing_interval": "month", "currency": "USD"}
    trial = {"trial_ends_at": (at + timedelta(days=14)).isoformat()} if rng.random() < 0.4 else {}
    happens("subscription_created", at, plan_id=plan, amount_cents=PRICES[plan], **subscription, **trial)
    due = at + timedelta(days=14 if trial else 0)
    cancelled = rng.random() < 0.5
    last = at + timedelta(days=rng.uniform(5, 80))
    while due < min(end, last if cancelled else end):
        payment = {"payment_id": f"pay-{user}-{due:%m%d}", "currency": "USD", "amount_cents": PRICES[plan]}
        happens("payment_initiated", due, **payment)
        if rng.random() < 0.15:
            happens("payment_failed", due + timedelta(seconds=4), **payment)
        else:
            happens("payment_completed", due + timedelta(seconds=5), **payment)
            if rng.random() < 0.15:
                happens("refund_issued", due + timedelta(days=2), **{**payment, "amount_cents": 500})
        due += timedelta(days=30)
    if cancelled and last < end:
        happens("subscription_cancelled", last, **subscription)
    elif rng.random() < 0.5:
        name, other = ("upgraded", "pro") if plan == "basic" else ("downgraded", "basic")
        happens(
            f"subscription_{name}", at + timedelta(days=40), plan_id=other, amount_cents=PRICES[other], **subscription
        )
