"""Where the commands print: as wide as the terminal, and wide enough for whole lines where a file or a pipe reads."""

import sys

from rich.console import Console

PIPE_WIDTH = 160

console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
