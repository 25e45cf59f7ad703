"""A question as a form: its fields are made of the question's model, and what is typed in becomes its JSON again.

A form holds texts by names such as `steps.0.event_name`; as a tree these are `{"steps": {"0": {"event_name": […]}}}`.
What no field can hold, whatever it is, stands in a field of its own as JSON, so that nothing of a question is lost.
"""

# ruff: noqa: D102 - what a field's methods do is said once, in `Spec`

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ingest.settings import names_in
from serving.ask.kinds import KINDS
from serving.ask.settings import built_with
from serving.ask.vocabulary import Fault
from serving.drawing.numbers import title_of

Tree = dict[str, Any]
Place = tuple[str | int, ...]
ABSENT: Any = object()
# what is asked about most stands first; the rest of a kind's keys are folded
MAIN = {
    "active_users": ("interval", "window_days", "event", "breakdown"),
    "attribution": ("event", "value", "breakdown", "models"),
    "conversion_paths": ("event", "value", "breakdown"),
    "conversions": ("event", "interval", "from"),
    "funnel": ("steps", "conversion_window_seconds", "breakdown"),
    "lifecycle": ("period", "event"),
    "paths": ("item", "start", "end", "max_steps"),
    "retention": ("period", "start_event", "return_event", "breakdown"),
    "sessions": ("summary", "distribution"),
    "stickiness": ("period", "event", "criteria"),
    "trends": ("series", "interval", "breakdown", "compare", "formula"),
    "web_overview": ("compare",),
}
SCOPE = ("date_from", "date_to", "app", "where")
LABELS = {
    "date_from": "From", "date_to": "To", "where": "Where", "from": "Time from", "event_name": "Event",
    "conversion_window_seconds": "Within", "gap_seconds": "A silence ends a path after", "criteria": "Active with",
    "inactivity_seconds": "A silence ends a session after", "max_length_seconds": "Longest session", "unit": "Count",
    "value": "Sum of", "item": "Items", "start": "Starting at", "end": "Ending at", "timezone": "Time zone",
    "breakdown": "Broken down by", "top": "Values shown", "rolling": "Mean over periods",
    "interval": "By", "period": "By", "compare": "Compare with",
    "summary": "Summary", "distribution": "Lengths from (seconds)", "models": "Models",
    "lookback_days": "Look back (days)", "half_life_days": "Half-life (days)", "window_days": "Window (days)",
    "from_step": "From step", "to_step": "To step", "hold_constant": "The same in all steps", "anchor": "Paths from",
    "whole": "Whole paths", "brackets": "Brackets of periods from",
}  # fmt: skip
# what a text names, and so which suggestions it has
NAMES_OF = {
    "event_name": "events", "app": "apps", "timezone": "zones", "unit": "units", "breakdown": "keys", "value": "keys",
    "property": "keys", "hold_constant": "keys", "item": "items", "start": "ends", "end": "ends", "key": "keys",
}  # fmt: skip
OPERATORS = {
    "eq": "is", "ne": "is not", "in": "is one of", "not_in": "is none of", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤",
    "contains": "contains", "not_contains": "does not contain", "regex": "matches",
    "is_set": "is set", "not_set": "is not set",
}  # fmt: skip
WORDS = ("contains", "not_contains", "regex")
LENGTHS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
ANY_EVENT = "*"
ITEMS = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]*?)\s*(?:,|$)')
LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f]")


class Unfit(ValueError):
    """A value that no field of its kind can hold."""


@dataclass
class Field:
    """What a template shows of one key: `widget` names its macro, `name` is its input's, `place` that of its key."""

    widget: str
    name: str
    place: Place
    label: str
    values: list[str] = field(default_factory=list)
    hint: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    names: str = ""
    fields: list[Field] = field(default_factory=list)
    rows: list[Field] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    least: int = 0
    is_open: bool = False
    of_event: str | None = None

    @property
    def value(self) -> str:
        """The text of a field that has one."""
        return self.values[-1] if self.values else ""

    @property
    def is_set(self) -> bool:
        """Whether somebody has said something here."""
        return bool([value for value in self.values if value] if self.widget != "flag" else self.value == "1") or any(
            one.is_set for one in [*self.fields, *self.rows]
        )

    def every(self) -> Iterator[Field]:
        """This field and those in it."""
        yield self
        for one in [*self.fields, *self.rows]:
            yield from one.every()


@dataclass(frozen=True)
class Spec:
    """One key of the vocabulary: what it may hold, and how that is shown."""

    name: str
    schema: Mapping[str, Any]
    default: Any = ABSENT

    # ---- JSON to tree

    def tree(self, value: Any) -> Any:
        """The tree of a value; raise Unfit for one that this field cannot hold."""
        raise NotImplementedError

    # ---- tree to JSON

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        """The value of a tree, or ABSENT where it says nothing, or what holds anyway."""
        raise NotImplementedError

    def bare(self, value: Any) -> Any:
        """A value without what holds anyway, as `json` gives it."""
        # true is 1 to Python, and to nobody else
        return ABSENT if type(value) is type(self.default) and value == self.default else value

    def show(self, node: Any, name: str, place: Place) -> Field:
        """What a template shows of a tree."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """How the key is called."""
        return LABELS.get(self.name) or title_of(self.name)


def _last(node: Any) -> str:
    return str(node[-1]) if isinstance(node, list) and node else ""


def _text(value: Any) -> str:
    """A text that an input can hold: none with line breaks."""
    if not isinstance(value, str) or LINE_BREAKS.search(value):
        raise Unfit
    return value


def _at(name: str, step: object) -> str:
    return f"{name}.{step}" if name else str(step)


class Text(Spec):
    """A name or another text."""

    widget = "text"

    def tree(self, value: Any) -> Any:
        return [_text(value)]

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        return self.bare(_last(node) or ABSENT)

    def show(self, node: Any, name: str, place: Place) -> Field:
        hint = "" if self.default in (ABSENT, None) else str(self.default)
        return Field(
            self.widget, name, place, self.label, [_last(node)], hint=hint, names=NAMES_OF.get(self.name, ""),
            options=[(one, title_of(one)) for one in self.schema.get("enum", [])],
        )  # fmt: skip


class Day(Text):
    """A local day or time."""

    widget = "day"

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        return _last(node).strip() or ABSENT


class Choice(Text):
    """One of a few words."""

    widget = "choice"


class Number(Text):
    """A whole number."""

    widget = "number"

    def tree(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit
        return [str(value)]

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        text = _last(node).strip()
        return self.bare((int(text) if re.fullmatch(r"-?\d+", text) else text) if text else ABSENT)


class Length(Number):
    """A number of seconds, written as people write it: 14 d, 30 min."""

    widget = "length"

    def tree(self, value: Any) -> Any:
        return [length_text(int(super().tree(value)[0]))]

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        text = _last(node).strip()
        found = re.fullmatch(r"(\d+)\s*(d|h|min|m|s)?", text.casefold())
        if not found:
            return text or ABSENT
        return self.bare(int(found[1]) * dict(LENGTHS, m=60).get(found[2] or "s", 1))

    def show(self, node: Any, name: str, place: Place) -> Field:
        shown = super().show(node, name, place)
        shown.hint = length_text(self.default) if isinstance(self.default, int) else "30 min, 14 d …"
        return shown


class Flag(Spec):
    """Yes or no."""

    def tree(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise Unfit
        return ["0", *(["1"] if value else [])]

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        return ABSENT if not node else self.bare(_last(node) == "1")

    def show(self, node: Any, name: str, place: Place) -> Field:
        return Field("flag", name, place, self.label, node or (["1"] if self.default else ["0"]))


class Choices(Spec):
    """Several of a few words; none of them ticked is all of them."""

    def tree(self, value: Any) -> Any:
        if not isinstance(value, list) or not all(one in self.schema["items"]["enum"] for one in value):
            raise Unfit
        return list(value)

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        return self.bare(list(node) if node else ABSENT)

    def show(self, node: Any, name: str, place: Place) -> Field:
        options = [(one, title_of(one)) for one in self.schema["items"]["enum"]]
        return Field("choices", name, place, self.label, list(node or []), options=options, hint="none ticked: all")


class Numbers(Spec):
    """A list of whole numbers."""

    def tree(self, value: Any) -> Any:
        if not isinstance(value, list) or any(isinstance(one, bool) or not isinstance(one, int) for one in value):
            raise Unfit
        return [", ".join(map(str, value))]

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        parts = names_in(_last(node))
        return self.bare([int(part) if re.fullmatch(r"-?\d+", part) else part for part in parts] or ABSENT)

    def show(self, node: Any, name: str, place: Place) -> Field:
        return Field("text", name, place, self.label, [_last(node)], hint="0, 10, 60")


class Keys(Text):
    """A key, or several with commas between them."""

    def tree(self, value: Any) -> Any:
        return [", ".join(map(_text, value if isinstance(value, list) else [value]))]

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        keys = names_in(_last(node))
        return self.bare(keys if len(keys) > 1 else keys[0] if keys else ABSENT)


class Criteria(Spec):
    """How many events: an operator and a number."""

    def tree(self, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], int):
            raise Unfit
        return {"how": [_text(value[0])], "many": [str(value[1])]}

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        how, many = (_last((node or {}).get(part)) for part in ("how", "many"))
        if not many:
            return ABSENT
        return self.bare([how or "gte", int(many) if re.fullmatch(r"-?\d+", many) else many])

    def show(self, node: Any, name: str, place: Place) -> Field:
        how, many = (_last((node or {}).get(part)) for part in ("how", "many"))
        options = [("gte", "at least"), ("lte", "at most"), ("exact", "exactly")]
        return Field("criteria", name, place, self.label, [how, many], options=options, hint=str(self.default[1]))


class Where(Spec):
    """Conditions, each a row of key, operator and value."""

    def tree(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise Unfit
        rows: list[tuple[str, str, str]] = []
        for key, test in value.items():
            tests = test if isinstance(test, dict) else {"in" if isinstance(test, list) else "eq": test}
            if not tests:
                raise Unfit
            for operator, operand in tests.items():
                rows.append((_text(key), *_shown(operator, operand)))
        return {
            str(number): {"key": [key], "op": [operator], "value": [text]}
            for number, (key, operator, text) in enumerate(rows)
        }

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        found: dict[str, dict[str, Any]] = {}
        for row in _rows(node):
            key, operator, text = (_last(row.get(part)) for part in ("key", "op", "value"))
            if not key:
                continue
            operator = operator or "eq"
            name = "is_set" if operator == "not_set" else operator
            if operator not in ("is_set", "not_set") and not text:
                faults.append(Fault((*place, key), f"Say which value of `{key}`, or that it is set."))
                continue
            if name in found.setdefault(key, {}):
                words = f"`{key}` is tested twice by `{OPERATORS.get(operator, operator)}`"
                faults.append(Fault((*place, key), f"{words}: put both into one condition, as in `is one of`."))
                continue
            found[key][name] = _meant(operator, text)
        tests = {
            key: tests["eq"] if set(tests) == {"eq"} else tests["in"] if set(tests) == {"in"} else tests
            for key, tests in found.items()
            if tests
        }
        return tests or ABSENT

    def bare(self, value: Any) -> Any:
        if value == {}:
            return ABSENT
        if not isinstance(value, dict):
            raise Unfit
        return {
            key: next(iter(test.values())) if isinstance(test, dict) and list(test) in (["eq"], ["in"]) else test
            for key, test in value.items()
        }

    def show(self, node: Any, name: str, place: Place) -> Field:
        shown = Field("where", name, place, self.label)
        for number, row in _numbered(node):
            key, operator, text = (_last(row.get(part)) for part in ("key", "op", "value"))
            shown.rows.append(
                Field(
                    "condition", _at(name, number), (*place, key) if key else (*place, "", number), key,
                    [key, operator or "eq", text], options=list(OPERATORS.items()),
                )
            )  # fmt: skip
        return shown


class Part(Spec):
    """An object of the vocabulary: an event, a step, a series."""

    @property
    def specs(self) -> dict[str, Spec]:
        """The keys in it."""
        return specs_of(self.schema["$ref"])

    @property
    def is_optional(self) -> bool:
        """Whether it may be left out, as an event that any activity stands for."""
        return self.default is not ABSENT

    @property
    def is_added(self) -> bool:
        """Whether it is added and taken away: what cannot be left open in it would be asked for at once."""
        return self.is_optional and any(
            key.default is ABSENT and not isinstance(key, Where) for key in self.specs.values()
        )

    def tree(self, value: Any) -> Any:
        if not isinstance(value, dict) or not value.keys() <= self.specs.keys():
            raise Unfit
        if value.get("event_name") == ANY_EVENT:
            raise Unfit
        node = {
            key: self.specs[key].tree(inner)
            for key, inner in value.items()
            if self.specs[key].bare(inner) is not ABSENT
        }
        if self.is_added:
            return {"on": ["1"], **node}
        return {**node, "event_name": [ANY_EVENT]} if self.is_optional and "event_name" not in node else node

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        node = node if isinstance(node, dict) else {}
        if self.is_added and not node.get("on"):
            return ABSENT
        is_any = _last(node.get("event_name")) == ANY_EVENT
        found = {
            key: value
            for key, spec in self.specs.items()
            if not (key == "event_name" and is_any)
            and (value := spec.json(node.get(key), (*place, key), faults)) is not ABSENT
        }
        return ABSENT if self.is_optional and not self.is_added and not found and not is_any else found

    def bare(self, value: Any) -> Any:
        if isinstance(value, str | None) and value == self.default:
            return ABSENT
        return {key: bare for key, inner in value.items() if (bare := self.specs[key].bare(inner)) is not ABSENT}

    def show(self, node: Any, name: str, place: Place) -> Field:
        node = node if isinstance(node, dict) else {}
        widget = "added" if self.is_added else "part"
        shown = Field(widget, name, place, self.label, ["1"] if node.get("on") else [])
        if widget == "added" and not shown.values:
            return shown
        shown.fields = [spec.show(node.get(key), _at(name, key), (*place, key)) for key, spec in self.specs.items()]
        # what cannot be left open, or says what is measured, is not folded
        shown.is_open = "measure" in self.specs or any(
            spec.default is ABSENT and not isinstance(spec, Where) for spec in self.specs.values()
        )
        event = _last(node.get("event_name"))
        for one in shown.every():
            one.of_event = event if event != ANY_EVENT else ""
        if self.is_optional and not self.is_added:
            shown.fields[0].hint = "when first seen" if self.name == "from" else f"any activity; {ANY_EVENT}: any event"
        elif "event_name" in self.specs:
            shown.fields[0].hint = "any event"
        return shown


class Listed(Spec):
    """A list of objects, to which rows are added and of which they are moved and taken away."""

    @property
    def part(self) -> Part:
        """What a row is."""
        return Part(self.name, self.schema["items"])

    def tree(self, value: Any) -> Any:
        if not isinstance(value, list):
            raise Unfit
        return {str(number): self.part.tree(one) for number, one in enumerate(value)}

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        found = [self.part.json(row, (*place, number), faults) for number, row in enumerate(_rows(node))]
        return found or ABSENT

    def bare(self, value: Any) -> Any:
        return ABSENT if value is None and self.default is None else [self.part.bare(one) for one in value]

    def show(self, node: Any, name: str, place: Place) -> Field:
        least = self.schema.get("minItems", 0) if self.default is ABSENT else 0
        shown = Field("list", name, place, self.label, least=least)
        rows = _numbered(node) or [(str(number), {}) for number in range(least)]
        for count, (number, row) in enumerate(rows):
            one = self.part.show(row, _at(name, number), (*place, count))
            one.widget, one.label = "row", f"{singular(self.label)} {count + 1}"
            shown.rows.append(one)
        return shown


class Mapped(Listed):
    """Objects by names of one's own."""

    @property
    def part(self) -> Part:
        return Part(self.name, self.schema["additionalProperties"])

    def tree(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise Unfit
        parts = enumerate(value.items())
        return {str(number): {"name": [_text(name)], **self.part.tree(one)} for number, (name, one) in parts}

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        found: dict[str, Any] = {}
        for number, row in enumerate(_rows(node)):
            name = _last(row.get("name")) or _letter(number)
            if name in found:
                faults.append(Fault((*place, name), f"Two rows are called `{name}`: give each a name of its own."))
                continue
            found[name] = self.part.json(row, (*place, name), faults)
        return found or ABSENT

    def bare(self, value: Any) -> Any:
        return (
            ABSENT
            if value is None and self.default is None
            else {name: self.part.bare(one) for name, one in value.items()}
        )

    def show(self, node: Any, name: str, place: Place) -> Field:
        shown = Field("list", name, place, self.label, least=self.schema.get("minProperties", 0))
        for count, (number, row) in enumerate(_numbered(node) or [("0", {})]):
            called = _last(row.get("name")) or _letter(count)
            one = self.part.show(row, _at(name, number), (*place, called))
            one.widget, one.label = "row", f"{singular(self.label)} {called}"
            one.fields.insert(0, Field("text", f"{one.name}.name", (*one.place, ""), "Name", [called]))
            shown.rows.append(one)
        return shown


class Raw(Spec):
    """What no other field can hold, as JSON."""

    def tree(self, value: Any) -> Any:
        return {"=": [json.dumps(value, ensure_ascii=True)]}

    def json(self, node: Any, place: Place, faults: list[Fault]) -> Any:
        text = _last((node or {}).get("="))
        try:
            return json.loads(text) if text.strip() else ABSENT
        except ValueError:
            return text

    def show(self, node: Any, name: str, place: Place) -> Field:
        return Field("text", f"{name}.=", place, f"{self.label} (JSON)", [_last((node or {}).get("="))])


@dataclass
class Form:
    """A question as a form: its fields, its JSON as far as it can be read, and what is wrong with it."""

    kind: str
    question: dict[str, Any]
    main: list[Field]
    scope: list[Field]
    more: list[Field]
    faults: list[str] = field(default_factory=list)
    focus: str = ""

    @property
    def fields(self) -> list[Field]:
        """The fields of the question's keys."""
        return [*self.main, *self.scope, *self.more]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults and not any(one.faults for top in self.fields for one in top.every())

    def mark(self, faults: Iterable[Fault]) -> None:
        """Put each fault beside the field that it is of, else above all of them."""
        for fault in faults:
            place = fault.place or self._said_in(fault.sentence)
            near = [
                one for top in self.fields for one in top.every() if one.place and one.place == place[: len(one.place)]
            ]
            if near:
                max(near, key=lambda one: len(one.place)).faults.append(fault.sentence)
            else:
                self.faults.append(fault.sentence)

    def _said_in(self, sentence: str) -> Place:
        """The key that a sentence names first, where its place is not known."""
        keys = {one.place[0] for one in self.fields if one.place}
        return next(((word,) for word in re.findall(r"`(\w+)`", sentence) if word in keys), ())


def form_of(kind: str, tree: Tree, settings: Mapping[str, Any], focus: str = "") -> Form:
    """The form of a tree, its JSON read from it."""
    specs = _specs_with(kind, settings)
    faults, question = list[Fault](), {"kind": kind}
    shown: dict[str, Field] = {}
    for key, spec in specs.items():
        node = tree.get(key)
        spec = Raw(key, {}) if isinstance(node, dict) and "=" in node else spec
        if (value := spec.json(node, (key,), faults)) is not ABSENT:
            question[key] = value
        shown[key] = spec.show(node, key, (key,))
    for key, node in tree.items():
        if key not in specs and isinstance(node, dict) and "=" in node:
            question[key] = Raw(key, {}).json(node, (key,), faults)
            shown[key] = Raw(key, {}).show(node, key, (key,))
    first = MAIN[kind]
    rest = [key for key in shown if key not in (*first, *SCOPE)]
    form = Form(
        kind, question, [shown[key] for key in first], [shown[key] for key in SCOPE], [shown[key] for key in rest],
        focus=focus,
    )  # fmt: skip
    form.mark(faults)
    return form


def tree_of(kind: str, question: Mapping[str, Any], settings: Mapping[str, Any]) -> Tree:
    """The tree of a question's JSON; what a field cannot hold, or would give back otherwise, is kept as JSON."""
    specs, tree = _specs_with(kind, settings), {}
    for key, value in question.items():
        if key == "kind":
            continue
        spec = specs.get(key)
        try:
            if spec is None:
                raise Unfit
            if spec.bare(value) is ABSENT:
                continue
            node = spec.tree(value)
            if spec.json(node, (key,), []) != spec.bare(value):
                raise Unfit
            tree[key] = node
        except (Unfit, AttributeError, KeyError, TypeError):
            tree[key] = Raw(key, {}).tree(value)
    return tree


def tree_of_pairs(pairs: Iterable[tuple[str, str]]) -> Tree:
    """The tree of what a form sends."""
    tree: Tree = {}
    for name, value in pairs:
        node: Any = tree
        *steps, last = name.split(".")
        for step in steps:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                break
        else:
            leaf = node.setdefault(last, [])
            if isinstance(leaf, list):
                leaf.append(value)
    return tree


def done(tree: Tree, action: str) -> str:
    """Do in a tree what a button says (`add:steps`, `drop:steps.1`, `up:…`, `down:…`, `set:name=text`).

    Returns the name of the input that is looked at next.
    """
    verb, _, name = action.partition(":")
    if verb == "set":
        name, _, text = name.partition("=")
        *steps, last = name.split(".")
        _node(tree, steps)[last] = [text]
        return name
    *steps, last = name.split(".")
    if verb == "add":
        node = _node(tree, [*steps, last])
        number = str(max((int(key) for key, _ in _numbered(node)), default=-1) + 1)
        node[number] = {}
        return f"{name}.{number}"
    if verb == "on":
        _node(tree, [*steps, last])["on"] = ["1"]
        return name
    holder = _node(tree, steps)
    if verb == "off":
        holder.pop(last, None)
        return name
    order = [key for key, _ in _numbered(holder)]
    if last not in order:
        return ""
    at = order.index(last)
    if verb == "drop":
        holder.pop(last)
        left = order[at + 1 : at + 2] or order[max(at - 1, 0) : at]
        return ".".join([*steps, *left])
    to = at + {"up": -1, "down": 1}.get(verb, 0)
    if 0 <= to < len(order):
        holder[order[at]], holder[order[to]] = holder[order[to]], holder[order[at]]
        return f"{'.'.join([*steps, order[to]])}:{verb}"
    return name


def _node(tree: Tree, steps: Iterable[str]) -> Tree:
    node = tree
    for step in steps:
        inner = node.setdefault(step, {})
        if not isinstance(inner, dict):
            inner = node[step] = {}
        node = inner
    return node


def _numbered(node: Any) -> list[tuple[str, Tree]]:
    """The rows of a tree, in their order."""
    if not isinstance(node, dict):
        return []
    rows = [(key, row) for key, row in node.items() if key.isdecimal() and isinstance(row, dict)]
    return sorted(rows, key=lambda row: int(row[0]))


def _rows(node: Any) -> list[Tree]:
    return [row for _, row in _numbered(node)]


def _shown(operator: str, operand: Any) -> tuple[str, str]:
    """An operator and its operand as a row of the form has them."""
    if operator == "is_set" and isinstance(operand, bool):
        return ("is_set" if operand else "not_set"), ""
    if operator in WORDS:
        return operator, _text(operand) or _never()
    if operator in ("in", "not_in") and isinstance(operand, list) and operand:
        return operator, ", ".join(_written(one, is_listed=True) for one in operand)
    if operator not in OPERATORS or isinstance(operand, dict | list):
        raise Unfit
    return operator, _written(operand)


def _never(said: str = "") -> Any:
    raise Unfit(said)


def _written(value: Any, *, is_listed: bool = False) -> str:
    """A value as somebody writes it: a text that would be read as a number, or ends a list, in quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    text = _text(value)
    is_plain = (
        _value(text) == text and text and text == text.strip() and not (is_listed and ("," in text or '"' in text))
    )
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _meant(operator: str, text: str) -> Any:
    """The operand of a row."""
    if operator in ("is_set", "not_set"):
        return operator == "is_set"
    if operator in WORDS:
        return text
    if operator in ("in", "not_in"):
        return [_value(found) for found in ITEMS.findall(text) if found]
    return _value(text)


def _value(text: str) -> Any:
    """A number, true, false, null or a text in quotes where it is one, else the text itself."""
    try:
        value = json.loads(text, parse_constant=_never)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, dict | list) else value


def length_text(seconds: int) -> str:
    """14 d: a number of seconds in the largest unit that it is whole in."""
    name, size = next((name, size) for name, size in LENGTHS if seconds % size == 0)
    return f"{seconds // size} {name}" if seconds else "0 s"


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"S{number + 1}"


def singular(label: str) -> str:
    """What one of a list is called."""
    return label if label == "Series" else label.removesuffix("s")


def specs_of(reference: str) -> dict[str, Spec]:
    """The keys of an object of the vocabulary."""
    return _specs_of_part(reference.rpartition("/")[2])


@cache
def _schema(kind: str) -> dict[str, Any]:
    return KINDS[kind].model_json_schema(by_alias=True)


@cache
def _definitions() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in KINDS:
        found |= _schema(kind).get("$defs", {})
    return found


@cache
def _specs_of_part(name: str) -> dict[str, Spec]:
    schema = _definitions()[name]
    required = schema.get("required", [])
    return {
        key: _spec(key, told, ABSENT if key in required else told.get("default", ABSENT))
        for key, told in schema["properties"].items()
    }


def _specs_with(kind: str, settings: Mapping[str, Any]) -> dict[str, Spec]:
    """The keys of a kind of question, with what holds where nothing is said."""
    schema, specs = _schema(kind), {}
    with built_with(settings):
        for name, told in KINDS[kind].model_fields.items():
            key = told.alias or name
            if key != "kind":
                default = ABSENT if told.is_required() else told.get_default(call_default_factory=True)
                default = list(default) if isinstance(default, tuple) else default
                specs[key] = _spec(key, schema["properties"][key], default)
    return specs


def _spec(key: str, schema: Mapping[str, Any], default: Any) -> Spec:
    """How a key is shown, by what its schema says that it holds."""
    told: Mapping[str, Any] = schema
    shapes = [one for one in schema.get("anyOf", schema.get("oneOf", [])) if one.get("type") != "null"]
    if {one.get("type") for one in shapes} == {"string", "array"} and "items" in shapes[-1]:
        return Keys(key, shapes[0], default)
    if shapes:
        told = next((one for one in shapes if "$ref" in one), shapes[0])
    if "const" in told:
        told = {"enum": [told["const"]]}
    if "$ref" in told:
        if told["$ref"].endswith("/Where"):
            return Where(key, told, ABSENT)
        return Part(key, told, default)
    kind: type[Spec] = Text
    if isinstance(told.get("type"), list) and "null" in told["type"]:
        kind = Day
    elif "enum" in told:
        kind = Choice
    elif told.get("type") == "boolean":
        kind = Flag
    elif told.get("type") == "integer":
        kind = Length if key.endswith("_seconds") else Number
    elif told.get("type") == "object":
        kind = Mapped
    elif told.get("type") == "array":
        items = told.get("items") or {}
        kind = (
            Criteria
            if "prefixItems" in told
            else Choices
            if "enum" in items
            else Listed
            if "$ref" in items
            else Numbers
        )
    return kind(key, told, default)
