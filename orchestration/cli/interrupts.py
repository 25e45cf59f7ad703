"""Ctrl-C, by whatever name it arrives."""


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is Ctrl-C, which DuckDB passes on as an error of its own when it came during a query."""
    return isinstance(error, KeyboardInterrupt) or (
        isinstance(error, RuntimeError) and str(error) == "Query interrupted"
    )
