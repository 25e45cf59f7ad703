"""How text becomes ids, times and numbers: one reading of each, as DuckDB macros.

The loader reads the envelope with them, the models the properties; they are kept in the warehouse and in what is
published, because views there name them.
"""

import hashlib

import duckdb

ID_SENTINELS = ("", "null", "-1", "undefined")

MACROS = f"""
-- trimming costs more than parsing, so only what has a blank at an end is trimmed
create or replace macro trimmed(value) as case
    when ascii(value) <= 32 or ends_with(value, ' ') or ends_with(value, chr(9)) or ends_with(value, chr(10))
        or ends_with(value, chr(13)) then trim(value, ' ' || chr(9) || chr(10) || chr(13))
    else value
end;

create or replace macro clean_id(value) as case
    when strlen(trimmed(value)) < 10 then case when lower(trimmed(value)) not in {ID_SENTINELS} then trimmed(value) end
    else trimmed(value)
end;

-- microseconds of an epoch number whose size tells its unit; eight digits are a date without dashes, not an epoch
create or replace macro epoch_number_us(value) as case
    when regexp_full_match(value, '\\d{{8}}') then null
    when try_cast(value as double) < 1e11 then round(try_cast(value as double) * 1e6)::bigint
    when try_cast(value as double) < 1e14 then round(try_cast(value as double) * 1e3)::bigint
    when try_cast(value as double) < 1e17 then try_cast(value as double)::bigint
end;

-- spellings of ISO-8601 that a cast does not know: no seconds, a comma, lower case, a space before the offset
create or replace macro plain_iso(value) as regexp_replace(
    replace(upper(value), ',', '.'), '^([^ T]+)[ T](\\d\\d:\\d\\d)(:\\d\\d(?:\\.\\d+)?)? *(Z|[+-][\\d:]+)?$',
    '\\1 \\2\\3\\4'
);
create or replace macro with_seconds(value) as
    regexp_replace(value, '^([^ ]+ \\d\\d:\\d\\d)(Z|[+-].*)?$', '\\1:00\\2');

create or replace macro instant(value) as case when ascii(value) between 48 and 57 then
    make_timestamp(coalesce(
        epoch_us(try(try_cast(value as timestamptz))),
        epoch_number_us(value),
        epoch_us(try(try_cast(with_seconds(plain_iso(value)) as timestamptz)))
    ))
end;

-- digits, sign, point and exponent; `7,4`, `12 kWh`, `1,000`, `NaN` and `0x10` are no numbers
create or replace macro is_number(value) as
    regexp_full_match(trimmed(value), '[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?');

create or replace macro number(value) as case
    when is_number(value) and isfinite(try_cast(trimmed(value) as double)) then try_cast(trimmed(value) as double)
end;

-- exact: a cast would round fractions, and digits beyond 2^53 are lost in a double
create or replace macro whole_number(value) as case
    when regexp_full_match(trimmed(value), '[+-]?\\d+') then try_cast(trimmed(value) as bigint)
    when number(value) = trunc(number(value)) and abs(number(value)) < 9007199254740992 then number(value)::bigint
end;

-- what was sent in a property that its reader could not read; a blank says nothing
create or replace macro unread(property, sent, read) as case
    when read is null and trimmed(sent) != '' then {{'property': property, 'sent': sent}}
end;
"""


# a model whose values were read otherwise is built anew
VERSION = hashlib.md5(MACROS.encode()).hexdigest()[:16]


def install_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros in the current database, unless they are there as they are here."""
    known = connection.execute(
        "select 1 from duckdb_functions() where database_name = current_database() and function_name = 'values_version'"
    ).fetchone()
    if known and connection.execute("select values_version()").fetchone() == (VERSION,):
        return
    connection.execute(f"{MACROS} create or replace macro values_version() as '{VERSION}'")
