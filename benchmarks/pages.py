"""What the pages of a home cost: the first paint in headless Chromium, the server's processor time, and the bytes.

python -m benchmarks.pages --home HOME      shows every page of a home that is built, and changes nothing in it
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.homes import Bench
from benchmarks.measure import FOOTFALL, REPOSITORY, Figure
from benchmarks.servers import PORT, cpu_seconds, memory_mib, serving
from serving.dashboards import read_library
from tests.serving.report.browser import WIDTHS, Shown, browser, faults_for_readers, watched

SERVE = [FOOTFALL, "serve", "--only", "pages", "--port", PORT]
BESIDE = ("/explore", "/definitions")
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
WAITS_MS = 120_000


@dataclass(frozen=True)
class Page:
    """What one page took when nobody had asked for it before, and what is wrong with it."""

    path: str
    paint_ms: float
    drawn_ms: float
    server_cpu: float
    kilobytes: float
    again_ms: float
    empty: list[str]
    faults: list[str]


def run(bench: Bench) -> Iterator[Figure]:
    """Measure on the dataset."""
    home = bench.home("pages")
    home.footfall("build")
    pages, memory = _shown(home.path)
    home.remove()
    detail = {"pages": [asdict(page) for page in pages], "server_memory_mib": memory}
    slowest = max(page.paint_ms for page in pages) / 1000
    yield Figure("first paint of the slowest page, asked for by nobody before", slowest, "s", "<= 1", detail)
    yield Figure("until all its figures are drawn", max(page.drawn_ms for page in pages) / 1000, "s")
    yield Figure("processor time of the server for all pages", sum(page.server_cpu for page in pages), "s")


def _shown(home: Path) -> tuple[list[Page], int]:
    paths = [f"/dashboards/{one.name}" for one in read_library(REPOSITORY, home).chosen([])]
    with serving(SERVE, "/assets/none", FOOTFALL_HOME=str(home)) as (url, process), browser() as started:
        pages = [_page(started, url, path, process.pid) for path in (*paths, *BESIDE)]
        return pages, round(memory_mib(process.pid, "VmHWM"))


def _page(started: Any, url: str, path: str, pid: int) -> Page:
    cpu = cpu_seconds(pid)
    with watched(started, (url, "data:"), 1280, color_scheme="light") as shown:
        page = shown.page
        sent: list[float] = []
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda told: sent.append(told["encodedDataLength"]))
        paint, drawn = _loaded(page, url + path)
        used = cpu_seconds(pid) - cpu
        _, again = _loaded(page, url + path)
        empty = page.eval_on_selector_all(".kind-empty", "all => all.map((one) => one.dataset.figure)")
        faults = _faults(shown)
    # the policy of a page forbids a script as axe is
    with watched(started, (url, "data:"), 1280, color_scheme="dark", bypass_csp=True) as shown:
        _loaded(shown.page, url + path)
        faults += [f"dark: {one}" for one in (*_faults(shown), *faults_for_readers(shown.page))]
    return Page(path, paint, drawn, used, sum(sent) / 1000, again, empty, faults)


def _faults(shown: Shown) -> list[str]:
    """What a page says of itself to the console, asks for elsewhere, could not draw, or lets reach out of a window."""
    failed = shown.page.eval_on_selector_all(".kind-failed", "all => all.map((one) => one.textContent)")
    faults = [*shown.said, *(f"asks for {one}" for one in shown.asked), *failed]
    for width in WIDTHS:
        shown.page.set_viewport_size({"width": width, "height": 900})
        faults += [f"{width} px: {one}" for one in shown.overflow()]
    return faults


def _loaded(page: Any, address: str) -> tuple[float, float]:
    """The first paint, and when all was drawn, in milliseconds."""
    page.goto(address, timeout=WAITS_MS)
    page.wait_for_selector("html[data-drawn]", state="attached", timeout=WAITS_MS)
    if page.query_selector("#answer"):
        page.wait_for_selector("#answer[data-answers]", timeout=WAITS_MS)
    page.wait_for_selector(".waits", state="detached", timeout=WAITS_MS)
    return page.evaluate(PAINTED), page.evaluate("() => performance.now()")


def main() -> None:
    """Show every page of a home, and print what each took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a home that is built")
    pages, memory = _shown(parser.parse_args().home.resolve())
    print(f"{'':24} {'paint':>7} {'drawn':>7} {'again':>7}  ms {'server':>6} s {'sent':>6} kB")
    for one in pages:
        print(
            f"{one.path:24} {one.paint_ms:7.0f} {one.drawn_ms:7.0f} {one.again_ms:7.0f} "
            f"    {one.server_cpu:5.2f}   {one.kilobytes:6.0f}  {'empty: ' if one.empty else ''}{', '.join(one.empty)}"
        )
        for fault in one.faults:
            print(f"  FAULT {fault[:200]}")
    print(f"the server's memory at most {memory} MiB, processor time {sum(one.server_cpu for one in pages):.1f} s")


if __name__ == "__main__":
    main()
