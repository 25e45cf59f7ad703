"""One batch to one destination, until every event of it is taken or refused for itself."""

from __future__ import annotations

import email.utils
import logging
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from forwarding.destinations.destination import Destination, Event, Named

log = logging.getLogger("footfall.forwarding")
# what may be another in a moment: sent again as it is, with the same ids
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0


class NotSent(Exception):
    """Some of a batch was not taken, and no event is at fault: it stays, and is sent again later."""


@dataclass(frozen=True)
class Refusal:
    """An event that a destination does not take, and why."""

    event: Event
    reason: str


@dataclass
class Sender:
    """Sends to one destination.

    Attributes:
        destination: where to.
        client: what connects; its time-out is how long an answer is waited for.
        patience: for how many seconds a request is tried again.
        stopped: ends every wait when it is set.
    """

    destination: Destination
    client: httpx.Client
    patience: float
    stopped: threading.Event

    def send(self, events: list[Event]) -> list[Refusal]:
        """Send events, in as many requests as it takes; return those that are refused, each for itself.

        Raises:
            NotSent: when the destination takes nothing by now, or would take nothing of ours.
        """
        refused: list[Refusal] = []
        fit: list[Event] = []
        for event in events:
            if reason := self.destination.unfit(event):
                refused.append(Refusal(event, reason))
            else:
                fit.append(event)
        parts = [fit] if fit else []
        while parts:
            part = parts.pop()
            why, named = self._answer(part)
            if why is None:
                continue
            refused += [Refusal(part[place], reason) for place, reason in named.items()]
            rest = [event for place, event in enumerate(part) if place not in named]
            if named:
                parts += [rest] if rest else []
            elif len(rest) == 1:
                refused.append(Refusal(rest[0], why))
            else:  # which one it is is not said: the halves tell
                middle = len(rest) // 2
                parts += [rest[middle:], rest[:middle]]
        return refused

    def _answer(self, events: list[Event]) -> tuple[str | None, Named]:
        """Why a request was not taken, None if it was, and the events that the answer names."""
        to = self.destination
        body, headers = to.request(events)
        if len(body) > to.largest_bytes and len(events) > 1:
            return "larger than is taken", {}
        answer = self._posted(body, headers)
        if answer.is_success:
            return None, {}
        told, text = _json(answer), " ".join(answer.text[:300].split())
        why = f"{answer.status_code}: {text}" if text else str(answer.status_code)
        if answer.status_code in (400, 413, 422) and not to.is_our_fault(told):
            named = {place: reason for place, reason in to.named(told).items() if 0 <= place < len(events)}
            return why, named if answer.status_code != 413 else {}
        raise NotSent(f"{to.url} does not take what we send: {why}")

    def _posted(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """The answer to a request that is sent until there is one that another moment would not change."""
        to, pause = self.destination, FIRST_PAUSE_SECONDS
        until = time.monotonic() + self.patience
        while True:
            try:
                answer = self.client.post(to.url, content=body, headers={"Content-Type": "application/json", **headers})
                if answer.status_code not in PASSING:
                    return answer
                fault, asked = f"answers {answer.status_code}", retry_after(answer)
            except httpx.InvalidURL as error:
                raise NotSent(f"{to.url} is no address: {error}") from None
            except httpx.HTTPError as error:
                fault, asked = f"cannot be reached: {type(error).__name__} {error}".rstrip(), None
            # those who were held up together do not come back together
            wait = asked if asked is not None else pause * random.uniform(0.5, 1.0)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if time.monotonic() + wait > until:
                raise NotSent(f"{to.url} {fault}")
            log.info("%s %s: again in %.1f s", to.name, fault, wait)
            if self.stopped.wait(wait):
                raise NotSent(f"{to.url} {fault}; forwarding was stopped")


def retry_after(answer: httpx.Response) -> float | None:
    """In how many seconds an answer asks to come again; None where it does not say."""
    text: str = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
