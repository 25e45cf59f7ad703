"""Where the boxes and ribbons of a flow lie: the steps as columns, what is too small to read folded into one box."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

WIDTH, BOX, GAP, HEIGHT = 1000, 12, 8, 360
# the names of a column stand at its right, those of the last one too
NAMES = 200
MOST_ITEMS, MOST_STEPS = 7, 5
REST = "other items"


def layout(links: list[tuple[int, str, str, float]]) -> dict[str, Any]:
    """Lay out links (step, source, target, how many), of which step k leads from column k to the next.

    The largest items of a column keep their names; the others are one box, `other items`.
    """
    links = [link for link in links if 1 <= link[0] < MOST_STEPS]
    if not links:
        return {"boxes": [], "ribbons": [], "width": WIDTH, "height": 0}
    columns = max(step for step, *_ in links) + 1
    named = [_largest(links, column) for column in range(1, columns + 1)]
    folded: dict[tuple[int, str, str], float] = defaultdict(float)
    for step, source, target, count in links:
        left = source if source in named[step - 1] else REST
        right = target if target in named[step] else REST
        folded[step, left, right] += count
    sizes: list[dict[str, float]] = []
    for column in range(1, columns + 1):
        out: dict[str, float] = defaultdict(float)
        into: dict[str, float] = defaultdict(float)
        for (step, left, right), count in folded.items():
            if step == column:
                out[left] += count
            if step == column - 1:
                into[right] += count
        sizes.append({name: max(out[name], into[name]) for name in {*out, *into}})
    scale = min((HEIGHT - GAP * (len(items) - 1)) / total for items in sizes if (total := sum(items.values())) > 0)
    boxes: list[dict[str, Any]] = []
    places: dict[tuple[int, str], list[float]] = {}
    for column, items in enumerate(sizes, start=1):
        x, y = (column - 1) * (WIDTH - BOX - NAMES) / max(columns - 1, 1), 0.0
        for name in sorted(items, key=lambda item: (item == REST, -items[item], item)):
            high = max(items[name] * scale, 1.0)
            places[column, name] = [x, y, y]
            boxes.append(
                {
                    "x": f"{x:.1f}",
                    "y": f"{y:.1f}",
                    "height": f"{high:.1f}",
                    "middle": f"{y + high / 2 + 4:.1f}",
                    "name": name,
                    "count": items[name],
                    "column": column,
                    "legible": high >= 9,
                }
            )
            y += high + GAP
    order = sorted(folded.items(), key=lambda link: (link[0][0], _y(places, link[0], 0), _y(places, link[0], 1)))
    ribbons = []
    for (step, left, right), count in order:
        thick = count * scale
        begin, end = places[step, left], places[step + 1, right]
        a, b = begin[1] + thick / 2, end[2] + thick / 2
        begin[1] += thick
        end[2] += thick
        x1, x2 = begin[0] + BOX, end[0]
        middle = (x1 + x2) / 2
        ribbons.append(
            {
                "path": f"M{x1:.1f},{a:.1f}C{middle:.1f},{a:.1f} {middle:.1f},{b:.1f} {x2:.1f},{b:.1f}",
                "width": f"{max(thick, 0.8):.1f}",
                "source": left,
                "target": right,
                "count": count,
            }
        )
    height = max(float(box["y"]) + float(box["height"]) for box in boxes)
    return {"boxes": boxes, "ribbons": ribbons, "width": WIDTH, "height": f"{height:.0f}", "columns": columns}


def _largest(links: list[tuple[int, str, str, float]], column: int) -> set[str]:
    sizes: dict[str, float] = defaultdict(float)
    for step, source, target, count in links:
        if step == column:
            sizes[source] += count
        elif step == column - 1:
            sizes[target] += count
    # what was folded before it was read stays so
    return set(sorted(sizes.keys() - {REST}, key=lambda item: (-sizes[item], item))[:MOST_ITEMS])


def _y(places: dict[tuple[int, str], list[float]], link: tuple[int, str, str], end: int) -> float:
    step, left, right = link
    return places[step + end, right if end else left][1 if not end else 2]
