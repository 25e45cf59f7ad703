"""Reports as Chromium shows them: what is in the page, what it asks for, what it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ingest.collector.browser import CHROMIUM, OPTIONS

WIDTHS = (360, 900, 1600)


@dataclass
class Shown:
    """A page that has been drawn, what it said to the console, and what it asked for beside its own file."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def overflow(self) -> list[str]:
        """What reaches out of the window at its right, but for what scrolls by itself."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll('body *')]
                .filter((one) => !one.closest('.scroll, nav, .unseen, .skip, svg') && one.checkVisibility())
                .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
                .map((one) => one.outerHTML.slice(0, 120))"""
        )
        wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return found + (["the page itself"] if wide else [])

    def values(self, figure: str, within: str = "") -> list[str]:
        """The values of a figure as they stand in the page, with nothing of them rounded."""
        return list(
            self.page.eval_on_selector_all(
                f"[data-figure={figure}] {within} [data-value]", "found => found.map((one) => one.dataset.value)"
            )
        )


@contextmanager
def browser() -> Iterator[Any]:
    """One headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        started.close()


@contextmanager
def watched(started: Any, ours: str | tuple[str, ...], width: int = 900, **options: Any) -> Iterator[Shown]:
    """An empty page that notes what it says to the console, and what it asks for.

    Args:
        started: the browser.
        ours: how addresses begin that are no outside request.
        width: of its window, in pixels.
        options: of its context, as Playwright names them.
    """
    context = started.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    found = Shown(page)
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("dialog", lambda dialog: (found.said.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda request: request.url.startswith(ours) or found.asked.append(request.url))
    try:
        yield found
    finally:
        context.close()


@contextmanager
def shown(started: Any, place: Path | str, width: int = 900, theme: str = "light", **options: Any) -> Iterator[Shown]:
    """A report's file, or a page's address, drawn; what a page asks of its own server is no outside request."""
    address = place if isinstance(place, str) else place.as_uri()
    ours = address if isinstance(place, Path) else "/".join(address.split("/")[:3]) + "/"
    with watched(started, (ours, "data:"), width, color_scheme=theme, **options) as found:
        found.page.goto(address)
        found.page.wait_for_selector("html[data-drawn]", state="attached")
        yield found


def faults_for_readers(page: Any) -> list[str]:
    """What axe finds serious."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
