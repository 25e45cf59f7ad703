"""How text becomes ids, times and numbers, and what these are called: one reading of each, as DuckDB macros.

The loader reads the envelope with them, the models the properties; they are kept in the warehouse and in what is
published, because views there name them.
"""

import hashlib
import re
from contextlib import suppress
from pathlib import Path

import duckdb

from ingest.envelope import literal
from ingest.settings import LoadSettings, names_in

# what is no user, device, account, order or payment either, but numbers a first event or item as well as any
ZERO = "0"


def id_macros(sentinels: str) -> str:
    """Return the macros that read ids: of people, accounts and money (`clean_id`), and of events and items.

    Args:
        sentinels: what is no id, parted by commas; whole numbers also as a float writes them.
    """
    listed = set(map(str.lower, names_in(sentinels)))
    return f"""
-- trimming costs more than parsing, so only what has a blank at an end is trimmed. Every reader of a value repeats
-- this, and each function in it costs every query of an event milliseconds to plan: the blanks are literals
create or replace macro trimmed(value) as case
    when value < '!' or ends_with(value, ' ') or ends_with(value, E'\\t') or ends_with(value, E'\\n')
        or ends_with(value, E'\\r') then trim(value, E' \\t\\n\\r')
    else value
end;

-- DuckDB plans anew whatever a macro repeats, so who reads many values trims them in a step before, and uses these
create or replace macro item_id_of(text) as case when {_is_listed("text", listed)} then null else text end;

create or replace macro id_of(text) as case when {_is_listed("text", listed | {ZERO})} then null else text end;

create or replace macro clean_item_id(value) as item_id_of(trimmed(value));

create or replace macro clean_id(value) as id_of(trimmed(value));
"""  # noqa: S608 -- the settings' ids are literals


def _is_listed(value: str, sentinels: set[str]) -> str:
    """Return the condition that a text is blank or listed; lower case is asked of as few ids as can be.

    It is no `in (…)`: DuckDB joins with a long one, and a join is done whether or not anybody asks for the id.
    """
    floats = {f"{text}.0" for text in sentinels if re.fullmatch(r"-?\d{1,7}", text)}
    short = sorted(text for text in {"", *sentinels, *floats} if len(text.encode()) < 10)
    tests = [f"case when strlen({value}) < 10 then list_contains([{', '.join(map(literal, short))}], lower({value}))"]
    for text in sorted(sentinels - set(short)):
        is_cased = text.lower() != text.upper()
        is_it = f"lower({value}) = {literal(text)}" if is_cased else f"{value} = {literal(text)}"
        tests.append(f"when strlen({value}) = {len(text.encode())} and {is_it} then true")
    return " ".join([*tests, "else false end"])


# names of one meaning: of the short ones those of a zone, and not EST, IST or BST, which are two
_SHORT_ZONES = ("UTC", "GMT", "UCT", "CET", "EET", "MET", "WET")
with duckdb.connect() as _connection:
    ZONE_NAMES = [name for (name,) in _connection.execute("select name from pg_timezone_names() order by 1").fetchall()]
ZONES = "|".join(
    [
        "",
        *(n.lower() for n in ZONE_NAMES if len(n) > 3 and not n.startswith("SystemV/")),
        *map(str.lower, _SHORT_ZONES),
        "",
    ]
)
DAY = r"\d{4}-\d\d-\d\d"
CLOCK = r"\d\d:\d\d:\d\d(?:\.\d+)?"
NUMBER = r"\d+(?:\.\d*)?(?:[eE]\+?\d+)?"
OFFSET = r"[+-](?:0\d|1[0-8])(?::?[0-5]\d(?::?[0-5]\d)?)?"
_ZONE = rf"[Zz]|{OFFSET}|[A-Za-z][\w/+-]*"
SPELLING = (
    r"^(\d{4,6}[-/]\d{1,2}[-/]\d{1,2})"
    rf"(?:(?:[Tt]| +)(\d{{1,2}}:\d{{1,2}})(:\d{{1,2}}(?:[.,]\d+)?)? *({_ZONE})?)?$"
)
WALL = """concat(
            read.day, ' ', coalesce(nullif(read.clock, ''), '00:00'),
            replace(coalesce(nullif(read.seconds, ''), ':00'), ',', '.')
        )"""

QUARTERLY = ("q", "qtr", "quarter", "quarters", "quarterly")
YEARLY = ("y", "yr", "yrs", "year", "years", "yearly", "annual", "annually", "annum")
MONTHLY = ("m", "mo", "mos", "mth", "month", "months", "monthly", *QUARTERLY, *YEARLY)

MACROS = f"""
-- the wall clock of a zone as UTC; one that a clock change repeats is its second occurrence, one it skips moves forward
create or replace macro utc_of(wall, zone) as
    case when zone = 'UTC' then wall else timezone('UTC', timezone(zone, wall)) end;

create or replace macro known_zone(name) as case when contains('{ZONES}', '|' || lower(name) || '|') then name end;

-- microseconds of an epoch from 1990 to 2200, whose size tells its unit: years, days and spreadsheets' serials are none
create or replace macro epoch_number_us(value) as case when regexp_full_match(value, '{NUMBER}') then case
    when try_cast(value as double) between 631152e3 and 7258118400 then round(try_cast(value as double) * 1e6)::bigint
    when try_cast(value as double) between 631152e6 and 7258118400e3
        then round(try_cast(value as double) * 1e3)::bigint
    when try_cast(value as double) between 631152e9 and 7258118400e6 then try_cast(value as bigint)
    when try_cast(value as double) between 631152e12 and 7258118400e9 then (try_cast(value as hugeint) // 1000)::bigint
end end;

-- every spelling, in its parts. The name of a zone never comes into a cast: DuckDB reads later rows in it
create or replace macro spelled_instant(value, zone) as list_transform(
    [regexp_extract(value, '{SPELLING}', ['day', 'clock', 'seconds', 'zone'])],
    lambda read: case
        when read.day = '' then null
        when read.zone = '' then utc_of(try_cast({WALL} as timestamp), zone)
        when lower(read.zone) = 'z' then try_cast({WALL} as timestamp)
        when ascii(read.zone) in (43, 45)
            then timezone('UTC', try_cast({WALL} || read.zone as timestamptz))
        when known_zone(read.zone) is not null
            then utc_of(try_cast({WALL} as timestamp), known_zone(read.zone))
    end
)[1];

-- THE reading of a time, as UTC; text without a zone is of `zone`. The usual spellings first, because they cost least
create or replace macro instant(value, zone := 'UTC') as case when ascii(value) between 48 and 57 then coalesce(
    case
        when ends_with(value, 'Z') then try_cast(value as timestamp)
        when ends_with(value, '+00:00') and strlen(value) > 18 then try_cast(left(value, -6) || 'Z' as timestamp)
        when not contains(value, '-') then make_timestamp(epoch_number_us(value))
        when regexp_full_match(value, '{DAY}(?:[ T]{CLOCK})?') then try(utc_of(try_cast(value as timestamp), zone))
        when regexp_full_match(value, '{DAY}[ T]{CLOCK}{OFFSET}')
            then try(timezone('UTC', try_cast(value as timestamptz)))
    end,
    try(spelled_instant(value, zone))
) end;

-- a time in a property, in the zone of the load as its row names it: null for UTC
create or replace macro instant_of(text, zone) as instant(text, coalesce(zone, 'UTC'));

create or replace macro property_instant(value, zone) as instant_of(trimmed(value), zone);

-- a day alone: a time of day or an epoch would move it with the zone
create or replace macro calendar_day(value) as
    case when regexp_full_match(value, '\\d{{4}}-\\d{{2}}-\\d{{2}}') then try_cast(value as date) end;

-- why a text that `instant` does not read is no time
create or replace macro instant_fault(value) as case
    when regexp_full_match(value, '\\d{{4}}') then 'a bare year is no time'
    when regexp_full_match(value, '-?{NUMBER}') then 'this number is no epoch from 1990 to 2200'
    when regexp_full_match(value, '{SPELLING}') and regexp_extract(value, '{SPELLING}', 4) ~ '[A-Za-z].+'
            and known_zone(regexp_extract(value, '{SPELLING}', 4)) is null
        then 'the name of its zone is none of IANA, or means two zones'
    else 'neither ISO-8601 nor an epoch'
end;

-- digits, sign, point and exponent; `7,4`, `12 kWh`, `1,000`, `NaN` and `0x10` are no numbers
create or replace macro number_of(text) as case
    when regexp_full_match(text, '[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?') and isfinite(try_cast(text as double))
        then try_cast(text as double)
end;

-- exact: a cast would round fractions, and digits beyond 2^53 are lost in a double
create or replace macro whole_number_of(text) as case
    when regexp_full_match(text, '[+-]?\\d+') then try_cast(text as bigint)
    when number_of(text) = trunc(number_of(text)) and abs(number_of(text)) < 9007199254740992
        then number_of(text)::bigint
end;

create or replace macro number(value) as number_of(trimmed(value));

create or replace macro whole_number(value) as whole_number_of(trimmed(value));

-- what a price is for, of `monthly`, `every 3 months`, `2-weeks` and as in ISO-8601 `P1Y`, in one spelling of each:
-- `day`, `week`, `month`, `quarter`, `year`, `10 days`, `6 months`; null where it is none
create or replace macro billing_period(value, count) as list_transform(
    [regexp_extract(
        regexp_replace(lower(trimmed(value)), '^p(\\d+)([dwmy])$', '\\1\\2'),
        '^(?:(?:every|each|per|once an?|an?) )?(\\d{{0,3}})[ _-]?([a-z]+)$',
        ['number', 'unit']
    )],
    lambda read: list_transform(
        [{{
            'unit': case
                when read.unit in ('d', 'day', 'days', 'daily') then 'day'
                when read.unit in ('w', 'wk', 'week', 'weeks', 'weekly') then 'week'
                when read.unit in {MONTHLY} then 'month'
            end,
            'number': case
                when count is null or read.number in ('', count::varchar)
                    then coalesce(try_cast(read.number as bigint), count, 1)
            end * case
                when read.unit in {QUARTERLY} then 3
                when read.unit in {YEARLY} then 12
                else 1
            end
        }}],
        lambda counted: case
            when counted.unit is null or counted.number not between 1 and 9999 then null
            when counted.number = 1 then counted.unit
            when counted.unit != 'month' or counted.number % 12 != 0 and counted.number != 3
                then counted.number || ' ' || counted.unit || 's'
            when counted.number = 3 then 'quarter'
            when counted.number = 12 then 'year'
            else counted.number // 12 || ' years'
        end
    )[1]
)[1];

-- what was sent in a property that its reader could not read; a blank says nothing
create or replace macro unread(property, sent, read) as case
    when read is null and regexp_matches(sent, '[^ \\t\\n\\r]') then {{'property': property, 'sent': sent}}
end;
"""


FUNCTIONS = Path(__file__).with_name("functions.sql").read_text(encoding="utf-8")
ANALYSES = "".join(
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("analyses.py", "conditions.py")
)


def value_macros() -> str:
    """Return the SQL of every macro, with the ids that the settings leave out."""
    return id_macros(LoadSettings().id_sentinels) + MACROS + FUNCTIONS  # type: ignore[call-arg]


def values_version() -> str:
    """Return the digest of the macros and of how seeds are read: a model that read otherwise is built anew."""
    return hashlib.md5((value_macros() + ANALYSES).encode()).hexdigest()[:16]


def install_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros in the current database, unless they are there as they are here."""
    version = values_version()
    # asking for them costs a hundredth of looking through the list of all functions
    with suppress(duckdb.CatalogException):
        if connection.execute("select values_version()").fetchone() == (version,):
            return
    connection.execute(f"{value_macros()} create or replace macro values_version() as '{version}'")
