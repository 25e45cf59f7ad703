"""Scripts and styles: served from here, named by their content, so that a browser keeps them for good."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.drawing import html, theme, vega

FOLDER = Path(__file__).parent
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
FOR_GOOD = "public, max-age=31536000, immutable"


class Asset:
    """A script or style; one that is dear to make is named by its version instead of its content."""

    def __init__(self, name: str, made: Callable[[], str], named_by: str | None = None) -> None:
        self.stem, _, self.kind = name.rpartition(".")
        self._made, self._named_by = made, named_by

    @cached_property
    def address(self) -> str:
        """Where it lies."""
        mark = self._named_by or hashlib.sha256(self.body).hexdigest()[:12]
        return f"/assets/{self.stem}.{mark}.{self.kind}"

    @cached_property
    def body(self) -> bytes:
        """What is in it."""
        return self._made().encode()

    @cached_property
    def packed(self) -> bytes:
        """The same, as browsers take it over a network."""
        return gzip.compress(self.body, 6, mtime=0)


class Assets:
    """What all pages load, by name; a part of the pages adds its own."""

    def __init__(self) -> None:
        self._known: dict[str, Asset] = {}
        self.add(
            "style.css",
            lambda: theme.css() + html.read("figure.css") + (FOLDER / "pages.css").read_text(encoding="utf-8"),
        )
        self.add("figure.js", lambda: html.read("figure.js"))
        self.add("pages.js", FOLDER / "pages.js")
        self.add("vega.js", vega.script, named_by=version("vl-convert-python"))

    def add(self, name: str, made: Callable[[], str] | Path, named_by: str | None = None) -> None:
        """Serve a file, or what a function makes, under a name such as `explore.js`."""
        text = partial(made.read_text, "utf-8") if isinstance(made, Path) else made
        self._known[name] = Asset(name, text, named_by)

    def __getitem__(self, name: str) -> str:
        """The address of one, by its name."""
        return self._known[name].address

    def make(self) -> None:
        """Make all of them, as they are sent."""
        for asset in self._known.values():
            asset.packed  # noqa: B018 - it is kept

    def routes(self) -> list[BaseRoute]:
        """The route of all of them."""
        return [Route("/assets/{name}", self._serve)]

    def _serve(self, request: Request) -> Response:
        found = next((one for one in self._known.values() if one.address == request.url.path), None)
        if found is None:
            return Response("There is no such file; load the page again.\n", 404, media_type="text/plain")
        headers = {"Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=TYPES[found.kind])
        return Response(found.body, headers=headers, media_type=TYPES[found.kind])
