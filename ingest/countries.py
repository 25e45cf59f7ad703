"""Countries of addresses, from a database that the user names (`country_database`); none is shipped."""

from pathlib import Path
from typing import Any

import duckdb

from ingest.distinct import make_function


def open_database(path: str | Path) -> Any:
    """Open an mmdb file.

    Raises:
        ValueError: when there is none, or it is none.
    """
    import maxminddb

    try:
        return maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise ValueError(str(error)) from None


def country_in(record: Any) -> str | None:
    """Return the two-letter code in a record of the usual databases; None where it has none.

    MaxMind and DB-IP hold `country.iso_code`, IPinfo `country_code`, or `country` itself.
    """
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code", country)
    return code.upper() if isinstance(code, str) and len(code) == 2 else None


def make_reader(connection: duckdb.DuckDBPyConnection, path: str | None) -> None:
    """Give a connection the function `country_of(address)`: null without a database, and for what is no address.

    Raises:
        ValueError: when the database cannot be opened.
    """
    if path is None:
        connection.execute("create or replace macro country_of(address) as null::varchar")
        return
    database = open_database(path)

    def country(address: str) -> str | None:
        try:
            return country_in(database.get(address.strip()))
        except ValueError:  # no address, or one of six parts in a database of four
            return None

    make_function(connection, "country_of", country)
