"""Where the commands print: as wide as the terminal, and wide enough for whole lines where a file or a pipe reads."""

import sys

from rich.console import Console

PIPE_WIDTH = 160

# what is printed holds names and messages of the data, in which [x] and :x: are letters like others
console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
