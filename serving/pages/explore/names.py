"""What the data have, as suggestions: what a build has counted by name, and a key's values among the first events."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import available_timezones

from ingest.conditions import event_value
from ingest.envelope import CONTEXT_FIELDS, ID_FIELDS
from serving import reader
from serving.ask import joined_keys
from serving.ask.names import SESSION_KEYS
from serving.ask.scope import COHORT, OF_PROFILES
from serving.snapshots import Snapshot

# enough to know the frequent values of a key, and found in a moment however many events there are
EVENTS_LOOKED_AT = 100_000
MOST_VALUES = 50
OF_CONTEXT = tuple(f"context.{name}" for name in CONTEXT_FIELDS)
ENVELOPE = (*OF_CONTEXT, *ID_FIELDS, "person_id", "occurred_at")
# what is never broken down by: an event has its own
SINGULAR = ("event_id",)


@dataclass(frozen=True)
class Names:
    """The names of one publication, as the reader of one app or of all sees it; the most frequent first."""

    apps: list[str] = field(default_factory=list)
    events: list[tuple[str, str, int]] = field(default_factory=list)
    keys: list[tuple[str, str, str]] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)

    def event_names(self, app: str | None = None) -> list[str]:
        """The names of events, of an app or of all."""
        return list(dict.fromkeys(name for of, name, _ in self.events if app in (None, "", of)))

    def keys_of(self, event: str | None = None, app: str | None = None) -> list[str]:
        """The properties of an event, or of all, and the fields that every event may have."""
        found = [key for of, name, key in self.keys if app in (None, "", of) and event in (None, "", name)]
        return [*dict.fromkeys(found), *self.joined, *(name for name in ENVELOPE if name not in SINGULAR)]

    def suggested(self, names: str, event: str | None = None, app: str | None = None) -> list[str]:
        """What a text that names something of this sort may be."""
        if names == "events":
            return self.event_names(app)
        if names == "apps":
            return self.apps
        if names == "keys":
            return self.keys_of(event, app)
        properties = [f"properties.{key}" for key in dict.fromkeys(key for *_, key in self.keys)]
        if names == "units":
            return ["person", "account", "session", *properties]
        if names == "items":
            return ["event_name", "context.page_url", *properties, *OF_CONTEXT]
        return sorted(available_timezones()) if names == "zones" else self.event_names(app)


def names_of(snapshot: Snapshot) -> Names:
    """What there is: worked out by the build, so that no event is read for it."""
    return snapshot.once(_names)


def values_of(snapshot: Snapshot, key: str, event: str | None, app: str | None) -> list[str]:
    """The most frequent values of a key, of an event or of all."""
    return snapshot.once(_values, key, event or None, app or None)


def _names(snapshot: Snapshot) -> Names:
    if not (snapshot.has("fct_tracked_events") and snapshot.has("fct_tracked_properties")):
        return Names(sorted(snapshot.source.apps))
    cursor = snapshot.cursor()
    events = reader.read(
        cursor, "select app, event_name, events from fct_tracked_events order by events desc, event_name, app"
    ).fetchall()
    keys = reader.read(
        cursor,
        "select app, event_name, property from fct_tracked_properties where events > 0 "
        "order by events desc, property, event_name, app",
    ).fetchall()
    return Names(sorted({app for app, *_ in events}), events, keys, joined_keys(cursor))


def _values(snapshot: Snapshot, key: str, event: str | None, app: str | None) -> list[str]:
    if key in ("event_name", "app"):
        names = names_of(snapshot)
        return names.event_names(app) if key == "event_name" else names.apps
    if not key or "\0" in key or not snapshot.has("events") or key in SESSION_KEYS:
        return []
    if key == COHORT and snapshot.has("fct_cohort_members"):
        found = reader.read(snapshot.cursor(), "select cohort from fct_cohort_members group by 1 order by 1").fetchall()
        return [cohort for (cohort,) in found]
    of_profile = OF_PROFILES.fullmatch(key)
    if of_profile and snapshot.has("fct_profile_properties"):
        query = """
            select value from fct_profile_properties where unit = $unit and property = $property
            group by value order by count(*) desc, value limit $most
        """
        told = {"unit": of_profile["unit"], "property": of_profile["property"], "most": MOST_VALUES}
        return [value for (value,) in reader.read(snapshot.cursor(), query, told).fetchall()]
    query = f"""
        with seen as (
            select ({event_value(key)})::varchar as value
            from events
            where ($event is null or event_name = $event) and ($app is null or app = $app) and value is not null
            limit {EVENTS_LOOKED_AT}
        )
        select value from seen group by value order by count(*) desc, value limit {MOST_VALUES}
    """  # noqa: S608 - the expression of a key is one of ours, in which its text is a literal
    found = reader.read(snapshot.cursor(), query, {"event": event, "app": app}).fetchall()
    return [value for (value,) in found]
