"""Colours, type and spacing, once: as variables of CSS, and as what Vega draws with, on light and on dark."""

from __future__ import annotations

from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# the series in their order, safe for the common colour blindnesses, lightened on dark
COLOURS: dict[str, dict[str, str]] = {
    "light": {
        "ground": "#FFFFFF", "raised": "#F7F8FA", "text": "#1B1F24", "muted": "#5B6470", "line": "#E3E6EA",
        "accent": "#0063A3", "good": "#00795B", "bad": "#B5402A", "good-ground": "#E3F3EE", "bad-ground": "#FAEAE6",
        "series-1": "#0072B2", "series-2": "#E69F00", "series-3": "#009E73", "series-4": "#CC79A7",
        "series-5": "#56B4E9", "series-6": "#D55E00", "series-7": "#999933", "series-8": "#666666",
    },
    "dark": {
        "ground": "#111418", "raised": "#191D23", "text": "#E8EAED", "muted": "#9AA4B2", "line": "#2A3038",
        "accent": "#6CB8EE", "good": "#4CC9A0", "bad": "#F08A72", "good-ground": "#143129", "bad-ground": "#3A211B",
        "series-1": "#4BA3DB", "series-2": "#F2B63D", "series-3": "#3CC79B", "series-4": "#DE9CC0",
        "series-5": "#8CCBF0", "series-6": "#F08A4B", "series-7": "#BDBD63", "series-8": "#A0A6AD",
    },
}  # fmt: skip
# one hue of blue from little to much; on dark the other way round, so that much is far from the ground
HEAT = {
    "light": ("#F1F6FB", "#DCEAF6", "#BBD7EE", "#8FBDE1", "#5C9DD0", "#2F7AB8", "#0B5394"),
    "dark": ("#17202A", "#1B2F44", "#1F4366", "#255B8B", "#2C6AA3", "#5A9AD2", "#93C3EC"),
}
HEAT_TEXT = {"light": ("#1B1F24",) * 5 + ("#FFFFFF",) * 2, "dark": ("#E8EAED",) * 5 + ("#111418",) * 2}
MOST_SERIES = 8


def css() -> str:
    """The variables of both themes: by the reader's system, and by the page's button."""
    light, dark = (_variables(theme) for theme in ("light", "dark"))
    everywhere = ":root, :root:not([data-theme=light]), :root[data-theme=dark]"
    return (
        f":root {{ color-scheme: light; --font: {FONT}; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
        f"@media print {{ {everywhere} {{ color-scheme: light; {light} }} }}\n"
    )


def _variables(theme: str) -> str:
    named = {
        **COLOURS[theme],
        **{f"heat-{step}": colour for step, colour in enumerate(HEAT[theme])},
        **{f"heat-text-{step}": colour for step, colour in enumerate(HEAT_TEXT[theme])},
    }
    return " ".join(f"--{name}: {colour};" for name, colour in named.items())


def vega_config(theme: str) -> dict[str, Any]:
    """What Vega draws with."""
    colours = COLOURS[theme]
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": colours["muted"], "labelFontSize": 11, "titleColor": colours["muted"], "domain": False,
            "gridColor": colours["line"], "tickColor": colours["line"], "labelPadding": 6, "ticks": False,
        },
        "text": {"fill": colours["muted"]},
    }  # fmt: skip


def drawn_with() -> dict[str, Any]:
    """What the page's script draws with, by theme: the colours that specs name, and Vega's configuration."""
    return {name: {"colours": COLOURS[name], "config": vega_config(name)} for name in COLOURS}


def heat_step(share: float | None) -> int:
    """The step of the heat scale for a share; small ones are told apart as well as large ones."""
    if not share or share <= 0:
        return 0
    return min(6, int((share**0.5) * 7))
