"""What is published, for notebooks: marts and answers as frames, by a connection that can change nothing."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from footfall.transports import AnalyticsError

if TYPE_CHECKING:
    import duckdb

Frame = Literal["pandas", "polars", "arrow"]
DEFAULT_HOME = ".footfall"


def open(home: str | Path | None = None) -> Published:
    """Open what a home has published; later publications do not change what is read here.

    Args:
        home: its folder; else FOOTFALL_HOME, else `.footfall`.

    Raises:
        AnalyticsError: when nothing is published there.
    """
    return Published(Path(home or os.environ.get("FOOTFALL_HOME") or DEFAULT_HOME).expanduser())


class Published:
    """One publication, from first to last query. It is of one thread.

    Attributes:
        connection: DuckDB, read-only and locked into the publication's files.
        catalog: what is published: each relation's grain, columns and, of a metric, its card.
    """

    def __init__(self, home: Path) -> None:
        from serving.figures.filters import open_source
        from serving.publications import HomeMovedError, NothingPublishedError

        try:
            source = open_source(home)
        except (NothingPublishedError, HomeMovedError) as fault:
            raise AnalyticsError(str(fault)) from None
        self.connection: duckdb.DuckDBPyConnection = source.connection
        self.catalog: Mapping[str, Any] = source.catalog
        self._settings = source.settings

    @property
    def marts(self) -> dict[str, str]:
        """The marts by name, each with its grain."""
        relations = self.catalog["relations"].items()
        return {name: told.get("grain", "") for name, told in sorted(relations) if told.get("schema") == "main"}

    def mart(self, name: str, frame: Frame = "pandas") -> Any:
        """A whole mart as a frame.

        Raises:
            AnalyticsError: when there is none of this name.
        """
        if name not in self.catalog["relations"]:
            near = difflib.get_close_matches(name, self.catalog["relations"], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise AnalyticsError(f"No mart is called {name!r}.{hint} `.marts` lists them.")
        return self.sql(f'select * from "{name}"', frame=frame)  # noqa: S608 -- a name of the catalog

    def sql(self, query: str, parameters: object = None, frame: Frame = "pandas") -> Any:
        """What a select gives, as a frame; values are bound to `?` or `$name`."""
        from serving import reader

        return _framed(reader.read(self.connection, query, parameters), frame)

    def ask(self, question: Mapping[str, Any], frame: Frame = "pandas") -> Any:
        """The answer to a question (docs/questions.md) as a frame.

        Raises:
            AnalyticsError: when the question is wrong; the words say what is legal.
        """
        from serving.ask import AskError, ask

        try:
            answer = ask(self.connection, dict(question), self._settings)
        except AskError as fault:
            raise AnalyticsError(str(fault)) from None
        columns = {name: [row[place] for row in answer.rows] for place, name in enumerate(answer.columns)}
        if frame == "polars":
            import polars

            return polars.DataFrame(columns)
        if frame == "arrow":
            import pyarrow

            return pyarrow.table(columns)
        if frame == "pandas":
            import pandas

            return pandas.DataFrame(columns)
        raise _no_frame(frame)

    def close(self) -> None:
        """Let go of the publication's files."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _framed(found: duckdb.DuckDBPyConnection, frame: Frame) -> Any:
    if frame == "polars":
        return found.pl()
    if frame == "arrow":
        return found.to_arrow_table()
    if frame == "pandas":
        return found.df()
    raise _no_frame(frame)


def _no_frame(frame: str) -> AnalyticsError:
    return AnalyticsError(f"There is no frame {frame!r}. Write pandas, polars or arrow.")
