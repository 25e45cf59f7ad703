"""The names that the data has: what a question names is put in its canonical spelling, or refused with the nearest."""

# ruff: noqa: S608 - every name in this SQL is ours or checked, and what a question says is bound

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
from pydantic import BaseModel

from ingest.conditions import TIMES, condition
from ingest.envelope import CONTEXT_FIELDS, ID_FIELDS
from serving.ask.scope import COHORT, NUMBERED, OF_PROFILES, OF_SESSIONS, Scope, publishes
from serving.ask.vocabulary import Condition, Fault, Selector, UnknownNameError, Where, keys_in, nearest, place_of

# every event has these
ALWAYS_SET = ("event_id", "event_name", "app", *TIMES)
# what an event has by its session is looked up in no property
SESSION_KEYS = tuple(f"session.{name}" for name in OF_SESSIONS)
HINT = "`footfall ask --names` lists what there is, `--allow-unknown` answers anyway."
NAMES = """
    with named_events as (
        select
            app, event_name, count(*) as events, min(occurred_at)::date as first_day, max(occurred_at)::date as last_day
        from {events}
        group by app, event_name
    ),
    keys as (select distinct app, event_name, unnest(json_keys(properties)) as key from events)
    select named_events.*, coalesce(list(key order by key) filter (where key is not null), []) as properties
    from named_events left join keys using (app, event_name)
    group by all order by app, event_name
"""


def known_names(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return the columns and rows of what a question can name: apps, event names and their properties."""
    events = "stg_events" if publishes(connection, "stg_events") else "events"
    found = connection.execute(NAMES.format(events=events))
    return [column[0] for column in found.description], found.fetchall()


def joined_keys(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the keys of what an event has by its person, account and session, as far as this reader may ask for it."""
    found = list[str]()
    if publishes(connection, "fct_profile_properties"):
        query = "select unit || '.' || property from fct_profile_properties group by all order by count(*) desc, 1"
        found += [key for (key,) in connection.execute(query).fetchall()]
    if publishes(connection, "fct_cohort_members"):
        found.append(COHORT)
    if publishes(connection, "int_sessions"):
        is_numbered = publishes(connection, "fct_session_numbers")
        found += [f"session.{name}" for name in OF_SESSIONS if is_numbered or name not in NUMBERED]
    return found


def settle_names(scope: Scope, *, allow_unknown: bool) -> list[str]:
    """Put the question's event names in their canonical spelling; return what its reader should know of the others.

    A name, an app or a key that no event has raises AskError, or is a warning where `allow_unknown`; a value that an
    equality asks for and no such event has is always a warning, because values come and go.
    """
    settled = _Names(scope)
    if scope.last is None and not settled.has("true"):
        return []
    settled.settle()
    if settled.faults and not allow_unknown:
        sentences = [*settled.faults, HINT]
        question = scope.question.model_dump(mode="json", by_alias=True)
        named = [Fault(place_of(name, question, last), fault) for fault, (name, last) in settled.faults.items()]
        raise UnknownNameError("\n".join(sentences), named)
    return [*settled.faults, *settled.warnings()]


class _Names:
    """What one question names, looked up in what is published."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.question, self.connection = scope, scope.question, scope.connection
        # each with the name that is wrong, and the keys beside which it is likely to stand
        self.faults: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.staged = "stg_events" if publishes(self.connection, "stg_events") else "events"
        self.spellings: dict[str, str] = {}
        if publishes(self.connection, "event_catalog"):
            found = self.connection.execute("select event_name, canonical_name from event_catalog").fetchall()
            self.spellings = dict(found)

    def has(self, condition: str, relation: str = "", **values: object) -> bool:
        """Return whether an event fulfils a condition; the search ends with the first that does."""
        query = f"select 1 from {relation or self.staged} as events where {condition} limit 1"
        return self.connection.execute(query, values).fetchone() is not None

    def settle(self) -> None:
        """Settle app, event names and keys."""
        question = self.question
        if question.app is not None and not self.has("app = $app", app=question.app):
            self._fault(self._unknown_app(question.app), question.app, "app")
            question_app = None
        else:
            question_app = question.app
        for selector in _selectors(question):
            if selector.event_name is not None:
                selector.event_name = self._event_name(selector.event_name, question_app)
        for where in (question.where, *(selector.where for selector in _selectors(question))):
            self._settle_values(where, question_app)
            self._settle_cohorts(where)
        if getattr(question, "item", None) == "event_name":
            for end in ("start", "end"):
                if (name := getattr(question, end)) is not None:
                    setattr(question, end, self._event_name(name, question_app))
        for key in dict.fromkeys(self._keys()):
            self._check_key(key)

    def _settle_values(self, where: Where, app: str | None) -> None:
        """Settle what conditions on `event_name` and `app` name."""
        for key, settle in (("event_name", lambda name: self._event_name(name, app)), ("app", self._app)):
            test = where.root.get(key)
            if isinstance(test, str):
                where.root[key] = settle(test)
            elif isinstance(test, list):
                where.root[key] = [settle(one) if isinstance(one, str) else one for one in test]
            elif isinstance(test, Condition):
                for operator in ("eq", "ne"):
                    if isinstance(value := getattr(test, operator), str):
                        setattr(test, operator, settle(value))
                for operator in ("in_", "not_in"):
                    if listed := getattr(test, operator):
                        setattr(test, operator, [settle(one) if isinstance(one, str) else one for one in listed])

    def _event_name(self, name: str, app: str | None) -> str:
        """Return the canonical spelling of an event name; a name that the data does not have is a fault."""
        of_app = "event_name = $name" if app is None else "event_name = $name and app = $app"
        more = {} if app is None else {"app": app}
        if self.has(of_app, name=name, **more):
            return name
        canonical = self.spellings.get(name)
        if canonical is not None and self.has(of_app, name=canonical, **more):
            return canonical
        rows = self.connection.execute(f"select distinct app, event_name from {self.staged}").fetchall()
        here = sorted({event_name for its_app, event_name in rows if app in (None, its_app)})
        elsewhere = sorted({its_app for its_app, event_name in rows if event_name in (name, canonical)})
        whose = "" if app is None else f" of app `{app}`"
        if elsewhere:
            self._fault(f"No event{whose} is named `{name}`; it is of app {', '.join(elsewhere)}.", name, "event_name")
        else:
            # a spelling of the catalog suggests what it is reported as
            known = [*here, *(sent for sent, reported in self.spellings.items() if reported in here)]
            self._fault(f"No event{whose} is named `{name}`{nearest(name, known)}", name, "event_name")
        return name

    def _app(self, app: str) -> str:
        if not self.has("app = $app", app=app):
            self._fault(self._unknown_app(app), app, "app")
        return app

    def _unknown_app(self, app: str) -> str:
        apps = [name for (name,) in self.connection.execute(f"select distinct app from {self.staged}").fetchall()]
        return f"No event is of app `{app}`{nearest(app, sorted(apps))}"

    def _keys(self) -> Iterator[str]:
        """Every key that the question names, of conditions, units, values and breakdowns."""
        question = self.question
        if question.unit.startswith("properties."):
            yield question.unit
        elif question.unit == "account":
            yield "account_id"
        yield from question.where.root
        for selector in _selectors(question):
            yield from selector.where.root
            if isinstance(measured := getattr(selector, "property", None), str):
                yield measured
        for name in ("item", "value", "breakdown", "hold_constant"):
            if name != "breakdown" or not question.credits_visits:
                yield from keys_in(getattr(question, name, None))

    def _check_key(self, key: str) -> None:
        if key in (*ALWAYS_SET, *SESSION_KEYS) or "\0" in key:
            return
        if of_profile := OF_PROFILES.fullmatch(key):
            self._check_profile(key, **of_profile.groupdict())
            return
        if self.has(f"{self.scope.key(key)} is not null", "events"):
            return
        query = "select distinct unnest(json_keys({column})) from events where {column} is not null"
        if key.startswith("context."):
            others = self.connection.execute(query.format(column="context_other")).fetchall()
            known = [f"context.{name}" for name in (*CONTEXT_FIELDS, *(name for (name,) in others))]
        else:
            properties = [name for (name,) in self.connection.execute(query.format(column="properties")).fetchall()]
            known = [*properties, *(f"properties.{name}" for name in properties), *ID_FIELDS, "person_id"]
            known += [*SESSION_KEYS, *(f"context.{name}" for name in CONTEXT_FIELDS)]
        keys = ("unit", "breakdown", "property", "value", "item", key)
        self._fault(f"No event has `{key}`{nearest(key, sorted(set(known) - {key}))}", key, *keys)

    def _check_profile(self, key: str, unit: str, when: str | None, property: str) -> None:
        """Settle whether any profile has a property; that a cohort is one is told where it is asked for."""
        if key == COHORT or not publishes(self.connection, "fct_profile_properties"):
            return
        query = "select distinct property from fct_profile_properties where unit = $unit order by property"
        known = [name for (name,) in self.connection.execute(query, {"unit": unit}).fetchall()]
        if property not in known:
            near = nearest(f"{unit}{when or ''}.{property}", [f"{unit}{when or ''}.{name}" for name in known])
            self._fault(f"No {unit} has `{property}`{near}", key, "breakdown", "property", "value", key)

    def _settle_cohorts(self, where: Where) -> None:
        """Refuse a cohort that no seed names."""
        if COHORT not in where.root or not publishes(self.connection, "cohorts"):
            return
        known = [
            name for (name,) in self.connection.execute("select distinct cohort from cohorts order by 1").fetchall()
        ]
        asked = dict(where.conditions())[COHORT].written()
        for value in asked.values():
            for name in value if isinstance(value, list) else [value]:
                if isinstance(name, str) and name not in known:
                    near = nearest(name, known)
                    self._fault(f"No cohort of seeds/cohorts.csv is named `{name}`{near}", name, COHORT)

    def _fault(self, sentence: str, name: str, *last: str) -> None:
        self.faults.setdefault(sentence, (name, last))

    def warnings(self) -> list[str]:
        """Return what equalities of selectors and of the question ask for and no such event has."""
        found = []
        for selector in (Selector(where=self.question.where), *_selectors(self.question)):
            for key, test in selector.where.conditions():
                if key in (*ALWAYS_SET, *SESSION_KEYS) or OF_PROFILES.fullmatch(key):
                    continue
                asked = test.written()
                for value in [*([asked["eq"]] if asked.get("eq") is not None else []), *(asked.get("in") or [])]:
                    if value is not None and not self._occurs(selector.event_name, key, value):
                        whose = f"`{selector.event_name}`" if selector.event_name else "event"
                        found.append(f"No {whose} has {json.dumps(value, ensure_ascii=False)} as `{key}`.")
        return list(dict.fromkeys(found))

    def _occurs(self, event_name: str | None, key: str, value: object) -> bool:
        values: dict[str, object] = {}

        def bind(one: object) -> str:
            values[f"p{len(values)}"] = one
            return f"$p{len(values) - 1}"

        conditions = [condition(self.scope.key(key), {"eq": value}, bind)]
        conditions += [] if event_name is None else [f"event_name = {bind(event_name)}"]
        conditions += [] if self.question.app is None else [f"app = {bind(self.question.app)}"]
        return self.has(" and ".join(conditions), "events", **values)


def _selectors(part: object) -> Iterator[Selector]:
    """Every selector of a question, however deep it stands."""
    if isinstance(part, Selector):
        yield part
    if isinstance(part, BaseModel) and not isinstance(part, Where):
        for name in type(part).model_fields:
            yield from _selectors(getattr(part, name))
    elif isinstance(part, dict):
        for one in part.values():
            yield from _selectors(one)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _selectors(one)
