"""Where the commands print: as wide as the terminal, and wide enough for whole lines where a file or a pipe reads."""

import sys
from typing import Any

from rich.console import Console

PIPE_WIDTH = 160

# what is printed holds names and messages of the data, in which [x] and :x: are letters like others
console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


def value_text(value: object) -> str:
    """A setting's value as people write it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def setting_text(changed: dict[str, Any]) -> str:
    """What changed of a setting, as `orchestration.settings.changed_settings` tells it."""
    before, now = value_text(changed["before"]), value_text(changed["now"])
    return f"{changed['name']} was {before} and is now {now}, by the {changed['source']}"
