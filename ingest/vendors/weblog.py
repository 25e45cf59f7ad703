# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""Access logs of web servers in the combined (or common) format: files only."""

from __future__ import annotations

from ingest.agents import BLANK, LOG
from ingest.vendors.vendor import RefusedRequest, Request, Vendor, drafted, told, with_added

_LINE = (
    r'^(\S+) \S+ (\S+) \[([^\]]+)\] "([A-Z]+) (\S+)[^"]*" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?'
)
_PARTS = ("ip", "user", "time", "method", "target", "status", "bytes", "referrer", "agent")
_ASSETS = r"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|eot|mp4|webm|mp3|xml|txt|json)$"


def receive(request: Request) -> None:
    """Nothing is sent in this format.

    Raises:
        RefusedRequest: always.
    """
    del request
    raise RefusedRequest(404, "Logs are loaded from files.")


def line(text: str) -> str:
    """A line of the log as JSON; null where it is none."""
    names = ", ".join(f"'{name}'" for name in _PARTS)
    pattern = _LINE.replace("'", "''")
    parts = f"to_json(regexp_extract({text}, '{pattern}', [{names}]))"
    return f"case when regexp_matches({text}, '{pattern}') then {parts} end"


def projection(rows: str) -> str:
    """A page that was answered is a page view, one that was missed is `page_not_found`, the rest are server requests.

    A visitor is a digest of address, agent and day, for want of anything better.
    """
    read = told(rows, {name: f"$.{name}" for name in _PARTS})
    parsed = f"""
        select *, try_strptime(time_, '%d/%b/%Y:%H:%M:%S %z') as logged_at, split_part(target_, '?', 1) as page,
            case when agent_ not in ('', '-') then agent_ end as own_agent
        from ({read})"""
    is_page = f"method_ in ('GET', 'POST') and not regexp_matches(page, '{_ASSETS}')"
    return drafted(
        parsed,
        _PARTS,
        {
            "event_name": f"""case
                when {is_page} and method_ = 'GET' and status_ in ('200', '304') then 'page_view'
                when {is_page} and status_ in ('404', '410') then 'page_not_found' else 'server_request' end""",
            "occurred_at": "strftime(logged_at, '%Y-%m-%dT%H:%M:%SZ')",
            "user_id": "nullif(user_, '-')",
            "anonymous_id": "md5(concat_ws('|', ip_, own_agent, logged_at::date))",
            "page_url": "target_",
            "referrer": "nullif(nullif(referrer_, '-'), '')",
            # the second half of a combined line is there, and names no agent
            "user_agent": f"case when agent_ = '' and referrer_ <> '' then '{BLANK}' else nullif(agent_, '') end",
            "library": f"'{LOG}'",
        },
        with_added(
            "'{}'",
            {
                "method": "method_",
                "status": "status_::integer",
                "bytes": "try_cast(bytes_ as bigint)",
            },
        ),
    )


WEBLOG = Vendor(
    name="weblog",
    paths=(),
    receive=receive,  # type: ignore[arg-type]
    projection=projection,
    line=line,
)
