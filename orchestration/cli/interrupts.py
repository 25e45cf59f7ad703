"""Ctrl-C, by whatever name it arrives."""

import duckdb


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is Ctrl-C, which DuckDB passes on as an error of its own when it came during a query."""
    if isinstance(error, KeyboardInterrupt | duckdb.InterruptException):
        return True
    return isinstance(error, RuntimeError) and str(error) == "Query interrupted"
