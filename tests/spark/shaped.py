"""The relations of a built home as empty tables, so that its models can be translated without reading a row."""

from pathlib import Path

import duckdb

from ingest.values import install_macros
from spark.shapes import LANDED


def emptied(home: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that is named as a home's warehouse, and has its seeds and tables without rows."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    connection.execute(f"attach '{home / 'warehouse.duckdb'}' as built (read_only)")
    connection.execute("use warehouse")
    install_macros(connection)
    connection.execute("create schema plumbing")
    tables = "select schema_name, table_name from duckdb_tables() where database_name = 'built'"
    for schema, name in connection.execute(tables).fetchall():
        connection.execute(f'create table "{schema}"."{name}" as select * from built."{schema}"."{name}" with no data')
    landed = f"read_parquet('{home}/landing/events/*/*.parquet', filename = true, file_row_number = true)"
    connection.execute(f"create table {LANDED} as select * from {landed} with no data")
    connection.execute("detach built")
    return connection
