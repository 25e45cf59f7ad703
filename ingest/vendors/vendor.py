# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""What every vendor's file says: how its requests are unwrapped and answered, and one projection onto the envelope.

The collector asks a vendor only whose event it is, how many are in the body and what its SDKs bear as an answer. What
the fields mean is the projection's, which reads what was received and that vendor's exported files alike.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec

from ingest.envelope import CONTEXT_FIELDS, TEXT_FIELDS, literal

# what a pixel is answered with
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class RefusedRequest(Exception):
    """A request of which nothing is kept; `status` is the answer's, the message says what to mend."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Unread(msgspec.Struct, gc=False):
    """An event in an outline (see `Vendor.outlines`): that it is an object is all that is asked of it."""


class Request(NamedTuple):
    """A request as the collector hands it over.

    Attributes:
        method: `GET` or `POST`.
        path: without a slash at its end.
        query: the query string's parameters, the last of each name.
        headers: by lower-case name.
        text: the JSON text of the body, decompressed and taken out of a form; empty for a GET without data.
        body: that text parsed, or its outline (see `Vendor.outlines`); None where it is empty.
        form: what else a form held.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    text: bytes = b""
    body: Any = None
    form: Mapping[str, str] = MappingProxyType({})


class Received(NamedTuple):
    """What is kept of a request: whose it is, its JSON text and how many events it holds."""

    key: str | None
    text: bytes
    events: int


class Answer(NamedTuple):
    """What a request is answered with."""

    content: bytes = b"{}"
    media_type: str = "application/json"
    status: int = 200


class Flags(Protocol):
    """What is assigned to whom, for SDKs that ask for feature flags by their key."""

    def are_there(self, key: str | None) -> bool:
        """Whether an experiment of the key's app runs."""

    def variants(self, key: str | None, ids: Mapping[str, str]) -> dict[str, str]:
        """The variant in each running experiment of the app, of who has these ids: `person`, `device`, `account`."""


@dataclass(frozen=True)
class Vendor:
    """One vendor.

    Attributes:
        name: of the protocol, and of the format of its exported files.
        paths: where its SDKs send to, with `{name}` for a part that varies; a slash at the end makes no difference.
        receive: reads a request; raises RefusedRequest when it can be of no event.
        accepted: the answer that every SDK of this vendor takes for success.
        refused: the answer to a request that is refused with this status and message.
        batch: the member of a request's body that lists its events, where it may have one; else the body is an event,
            or a list of them.
        shared: the SQL of the JSON that every event of the body needs beside itself (when it was sent …), if any.
        projection: the SQL of the draft (see `ingest.envelope`) of a relation of events (see `messages`).
        answers: start-up requests: path to a function of the request, the app while there are no keys, and the flags.
        claims: whether a request to a path that several vendors use is this one's.
        outlines: by path, what `receive`, `accepted` and `claims` read of a body there, where that is its events'
            number and a few fields beside them: a body of that shape is checked whole, but read no further.
        names_visitors: whether its SDKs send no id, so that the collector names the visitors of a day.
        line: the SQL of the JSON of a line of its exported files, given as a text expression, where they are no JSON.
    """

    name: str
    paths: tuple[str, ...]
    receive: Callable[[Request], Received]
    projection: Callable[[str], str]
    batch: str | None = None
    shared: Callable[[str], str] = lambda _: "null::json"
    accepted: Callable[[Request], Answer] = lambda _: Answer()
    refused: Callable[[Request, int, str], Answer] | None = None
    answers: Mapping[str, Callable[[Request, str, Flags], Answer]] = field(default_factory=dict)
    claims: Callable[[Request], bool] = lambda _: True
    outlines: Mapping[str, type[msgspec.Struct]] = field(default_factory=dict)
    names_visitors: bool = False
    line: Callable[[str], str] | None = None


def basic_user(request: Request) -> str | None:
    """The user of Basic authorization, as which most senders give their key; None where there is none.

    Raises:
        RefusedRequest: 401 when it cannot be read.
    """
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(told, validate=True).decode().partition(":")[0]
    except ValueError:
        raise RefusedRequest(401, "The Authorization header is no Basic one. Send the write key as its user.") from None


def messages(rows: str, vendor: Vendor) -> str:
    """Take the events out of rows of JSON: a line is an exported event, or what the collector received.

    The relation has `event` (JSON), `shared` (JSON of the request), `receipt` (text, the same however often it is
    loaded), `received_at`, `app`, `path`, `user_agent`, `ip`, `visitor` (text), `row_number`, `raw`, `problem`. In an
    exported file what the request says is null. `raw` is a line that holds this event alone.
    """
    fields = ("receipt_id", "received_at", "app", "path", "user_agent", "ip", "visitor")
    paths = ", ".join(literal(f"$.{name}") for name in fields)
    return f"""
        select event, shared,
            case when receipt_id is not null then receipt_id || ':' || position end as receipt,
            received_at, app, path, user_agent, ip, visitor, _row_number as row_number, _problem as problem,
            case when receipt_id is null then _raw else encode(json_object(
                'receipt_id', receipt_id, 'first', position, {", ".join(f"'{name}', {name}" for name in fields[1:])},
                'events', json_array(event), 'shared', shared)::varchar) end as raw
        from (
            select * exclude (events), unnest(events) as event,
                first_position + generate_subscripts(events, 1) - 1 as position
            from (
                select _row_number, _raw, _problem, {", ".join(f"told[{n}] as {f}" for n, f in enumerate(fields, 1))},
                    coalesce((json ->> '$.first')::bigint, 1) as first_position,
                    case
                        when _problem is not null or told[1] is null then [json]
                        when json_exists(json, '$.events') then json_extract(json, '$.events[*]')
                        else {_events("json_extract(json, '$.body')", vendor.batch)}
                    end as events,
                    case
                        when told[1] is null then null
                        when json_exists(json, '$.events') then json_extract(json, '$.shared')
                        else {vendor.shared("json_extract(json, '$.body')")}
                    end as shared
                from (select *, json_extract_string(json, [{paths}]) as told from ({rows}))
            )
        )"""


def _events(body: str, batch: str | None) -> str:
    """The SQL of the list of events in a body, given as a JSON expression."""
    listed = f"when json_type({body}, '$.{batch}') = 'ARRAY' then json_extract({body}, '$.{batch}[*]')" if batch else ""
    return f"case when json_type({body}) = 'ARRAY' then json_extract({body}, '$[*]') {listed} else [{body}] end"


def draft(rows: str, vendor: Vendor) -> str:
    """Project rows of JSON onto the draft: see `messages` for the rows, `ingest.envelope` for the draft."""
    return vendor.projection(messages(rows, vendor))


def told(rows: str, texts: Mapping[str, str], objects: Mapping[str, str] | None = None) -> str:
    """Read messages: columns of text and of JSON by the path of each in `event`, all of a kind in one call.

    The column of `name` is `name_`, so that none hides one of the message itself.
    """
    text_paths, object_paths = list(texts.items()), list((objects or {}).items())
    columns = [f"texts[{number}] as {name}_" for number, (name, _) in enumerate(text_paths, 1)]
    columns += [f"objects[{number}] as {name}_" for number, (name, _) in enumerate(object_paths, 1)]
    text_list = ", ".join(literal(path) for _, path in text_paths)
    object_list = ", ".join(literal(path) for _, path in object_paths)
    return f"""
        select * exclude (texts, objects), {", ".join(columns)}
        from (
            select *, json_extract_string(event, [{text_list}]) as texts,
                json_extract(event, [{object_list}]::varchar[]) as objects
            from ({rows})
        )"""


def utm_in(path: str) -> dict[str, str]:
    """The paths of the five UTM parameters that stand under their own names in an object."""
    return {field: f"{path}.{field}" for field in CONTEXT_FIELDS if field.startswith("utm_")}


def drafted(
    rows: str,
    texts: Iterable[str],
    columns: Mapping[str, str],
    properties: str,
    context_other: str = "null::varchar",
) -> str:
    """The SQL of a draft from the SQL of its fields.

    A field that `columns` does not have is what was told under its name (`texts`, as `told` had them), else null.

    A message without an id has that of its receipt, one without a time happened when it was received, and what the
    request itself says (app, user agent, address) counts where the message says nothing.
    """
    names = set(texts)
    given = {
        **{field: f"{field}_" if field in names else "null" for field in (*TEXT_FIELDS, *CONTEXT_FIELDS)},
        "received_at": "received_at",
        "app": "app",
        **columns,
    }
    given["event_id"] = f"coalesce({given['event_id']}, receipt)"
    given["occurred_at"] = f"coalesce({given['occurred_at']}, received_at)"
    given["user_agent"] = f"coalesce({given['user_agent']}, user_agent)"
    given["ip"] = f"coalesce({given['ip']}, ip)"
    named = ", ".join(f"({sql})::varchar as {name}" for name, sql in given.items())
    return f"""
        select row_number, raw, 'an event is a JSON object' as problem_detail, {named},
            coalesce(problem, case when json_type(event) <> 'OBJECT' then 'not_an_object' end) as problem,
            {_without_keys(f"({properties})::varchar")} as properties, ({context_other})::varchar as context_other
        from ({rows})"""


def _without_keys(properties: str) -> str:
    """The SQL of properties without the write key that some SDKs put there, which readers are not to see."""
    return f"""case when json_exists({properties}, '$.token') or json_exists({properties}, '$.api_key')
        then json_merge_patch({properties}, '{{"token": null, "api_key": null}}')::varchar else {properties} end"""


def with_added(sent: str, added: Mapping[str, str]) -> str:
    """The SQL of a JSON object with members beside its own, given as SQL of JSON or text; null ones add nothing.

    What the sender wrote stands where both have a name.
    """
    members = ", ".join(f"""'"{name}":' || to_json({sql})::varchar""" for name, sql in added.items())
    packed = f"concat_ws(',', {members})"
    return f"case when {packed} = '' then {sent} else json_merge_patch('{{' || {packed} || '}}', {sent}) end"
