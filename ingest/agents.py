"""User agents: the device, the browser and the system that one names, and whether it is a machine's.

Read when events land, once for each distinct agent of a load, so that nothing later needs the agent itself. What the
sender said of the device stands before what is read here.
"""

import re
from functools import cache

import duckdb

from ingest.distinct import make_function

# what `library` is for events out of an access log, whose agents are those of visitors and never of a sender
LOG = "access log"
READING = {"device_type": "VARCHAR", "os": "VARCHAR", "browser": "VARCHAR", "machine": "VARCHAR"}
# what an access log writes where a request came with no agent, which no browser does
BLANK = "-"
_LONGEST = 1000  # characters of an agent that are read; the longest that browsers send have a third of them

_TVS = re.compile(
    r"smart[ -]?tv|hbbtv|netcast|apple ?tv|android ?tv|google ?tv|bravia|web0s|webos.tv|tizen.* tv|roku|crkey",
    re.IGNORECASE,
)
_CONSOLES = re.compile(r"playstation|xbox|nintendo", re.IGNORECASE)
_TABLETS = re.compile(r"iPad|Tablet(?! PC)|Kindle|Silk/(?!.*Mobile)|PlayBook")
_DESKTOPS = re.compile(
    r"Windows|Mac OS X|Linux|Ubuntu|Fedora|Debian|Red Hat|SUSE|CentOS|Gentoo|Arch|Chrome OS|.*BSD|Solaris"
)
_CRAWLS = re.compile(r"bot|crawl|spider|slurp|preview|monitor|https?://", re.IGNORECASE)


def device_type(agent: str, os: str | None) -> str | None:
    """Return `mobile`, `tablet`, `desktop`, `tv`, `console`, or None where the agent does not say.

    Phones say `Mobi`, as browsers agreed; a browser on Android that does not is one of a tablet. An app's own agent
    on Android tells neither.
    """
    if _TVS.search(agent):
        return "tv"
    if _CONSOLES.search(agent):
        return "console"
    if _TABLETS.search(agent):
        return "tablet"
    if "Mobi" in agent or re.search(r"iPhone|iPod|Windows Phone|BlackBerry", agent):
        return "mobile"
    if "Android" in agent:
        return "tablet" if agent.startswith("Mozilla/") else None
    return "desktop" if os and _DESKTOPS.match(os) else None


@cache
def _patterns() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """What the kept list of crawlers looks for: crawlers, and libraries that any program calls."""
    from crawleruseragents import CHUNK_SIZE, CRAWLER_USER_AGENTS_DATA

    def packed(libraries: bool) -> list[re.Pattern[str]]:
        patterns = [
            str(each["pattern"])
            for each in CRAWLER_USER_AGENTS_DATA
            if ("http-library" in each.get("tags", ())) == libraries
        ]
        # all of them in one pattern are slower to try than a few at a time
        return [re.compile("|".join(patterns[at : at + CHUNK_SIZE])) for at in range(0, len(patterns), CHUNK_SIZE)]

    return packed(libraries=False), packed(libraries=True)


def read(agent: str) -> dict[str, str | None]:
    """Return what an agent says: see `READING`; None where it does not say it.

    `machine` is `crawler` for crawlers, previews, monitors and automated browsers, `library` for what any program may
    call (curl, python-requests …), `blank` for an agent that was left out where every browser has one.
    """
    if agent.strip() == BLANK:
        return {**dict.fromkeys(READING), "machine": "blank"}
    from ua_parser import parse

    agent = agent[:_LONGEST]
    parsed = parse(agent)
    os = parsed.os.family if parsed.os else None
    crawlers, libraries = _patterns()
    machine = None
    if any(each.search(agent) for each in crawlers):
        machine = "crawler"
    elif any(each.search(agent) for each in libraries):
        machine = "library"
    elif parsed.device and parsed.device.family == "Spider":
        # the parser knows more crawlers than the list, and takes the libraries of languages for some
        machine = "crawler" if _CRAWLS.search(agent) else "library"
    return {
        "device_type": device_type(agent, os),
        "os": os,
        "browser": parsed.user_agent.family if parsed.user_agent else None,
        "machine": machine,
    }


def make_reader(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the function `agent_reading(agent)`: what `read` returns, as a struct."""
    make_function(connection, "agent_reading", read, READING)


def with_readings(draft: str) -> str:
    """Return the SQL of a draft with what its agents say: `agent_device_type`, `agent_os`, `agent_browser`, `is_bot`.

    A library is a bot in an access log alone: elsewhere it is the program that sends events of a person. `is_bot` is
    null without an agent.
    """
    return f"""
        select * exclude (agent) replace (nullif(user_agent, '{BLANK}') as user_agent),
            agent.device_type as agent_device_type, agent.os as agent_os, agent.browser as agent_browser,
            case when agent is not null then coalesce(agent.machine = 'crawler' or library = '{LOG}', false)
                and agent.machine is not null end as is_bot
        from (
            -- asked of agents alone: a load that has none needs no parser
            select *, case when trim(user_agent) <> '' then agent_reading(user_agent) end as agent
            from ({draft})
        )"""  # noqa: S608
