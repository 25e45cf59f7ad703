"""docs/demo.svg, the picture in the README: what the demo prints, as a drawing that is legible on light and on dark.

`footfall demo | python -m orchestration.demo_picture > docs/demo.svg`
"""

from __future__ import annotations

import re
import sys
from html import escape

from orchestration.cli.demo import BARS

TABLES = ("Active persons", "Revenue", "Monthly recurring revenue")
PROMPT = "$ make demo"
# of a character in pixels; each run of text is stretched to it, whatever font the reader has
WIDTH, HEIGHT, MARGIN = 7.8, 19, 24
STYLE = """\
<style>
  rect.page { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1f2328 }
  text.title { font-weight: bold }
  text.head { fill: #59636e }
  rect.bar { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    rect.page { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    text.head { fill: #9198a1 }
    rect.bar { fill: #4493f8 }
  }
</style>"""


def picture(told: str) -> str:
    """Draw the headline tables as SVG.

    Args:
        told: what `footfall demo` printed into a pipe.
    """
    lines = [("title", PROMPT)]
    for table in re.split(r"\n\s*\n", told):
        title, *rows = [line.rstrip() for line in table.strip("\n").splitlines()] or [""]
        if title.startswith(TABLES):
            lines += [("", ""), ("title", title), ("head", rows[0]), *(("", row) for row in rows[1:])]
    drawn = [shape for number, (kind, line) in enumerate(lines) for shape in _drawn(number, kind, line)]
    width = 2 * MARGIN + WIDTH * max(len(line) for _, line in lines)
    height = 2 * MARGIN + HEIGHT * len(lines)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    page = f'<rect class="page" x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="8"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="What the demo prints">'
    return "\n".join([head, STYLE, page, *drawn, "</svg>", ""])


def _drawn(number: int, kind: str, line: str) -> list[str]:
    """The shapes of a line: its runs of words each in its column, and bars as bars, which fonts draw with gaps."""
    shapes, bottom = [], MARGIN + HEIGHT * (number + 1)
    for run in re.finditer(rf"[{BARS}]+|[^\s{BARS}]+(?: [^\s{BARS}]+)*", line):
        left = MARGIN + WIDTH * run.start()
        if run[0][0] in BARS:
            for place, bar in enumerate(run[0]):
                height = 1.75 * (BARS.index(bar) + 1)
                at = f'x="{left + WIDTH * place:.1f}" y="{bottom - 3 - height:.2f}"'
                shapes.append(f'<rect class="bar" {at} width="{WIDTH - 1:.1f}" height="{height}"/>')
        else:
            at = f'x="{left:.1f}" y="{bottom - 5}" textLength="{WIDTH * len(run[0]):.1f}"'
            shapes.append(f'<text class="{kind}" {at} lengthAdjust="spacingAndGlyphs">{escape(run[0])}</text>')
    return shapes


if __name__ == "__main__":
    sys.stdout.write(picture(sys.stdin.read()))
