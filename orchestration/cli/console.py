"""Where the commands print: as wide as the terminal, and wide enough for whole lines where a file or a pipe reads."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console

PIPE_WIDTH = 160

# what is printed holds names and messages of the data, in which [x] and :x: are letters like others
console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def refusing(*faults: type[Exception]) -> Iterator[None]:
    """End with 2 and the words of a fault that who asks can mend, with 1 where nothing is published."""
    from serving.publications import HomeMovedError, NothingPublishedError

    mended: tuple[type[Exception], ...] = (*faults, HomeMovedError)
    try:
        yield
    except NothingPublishedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except mended as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def value_text(value: object) -> str:
    """A setting's value as people write it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def setting_text(changed: dict[str, Any]) -> str:
    """What changed of a setting, as `orchestration.settings.changed_settings` tells it."""
    before, now = value_text(changed["before"]), value_text(changed["now"])
    return f"{changed['name']} was {before} and is now {now}, by the {changed['source']}"
