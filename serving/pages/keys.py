"""The form that takes a reader's key, and the button that gives it back."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from serving.access import AccessError, forget, refuse_other_sites, remember
from serving.pages.site import Site, posted

MOST_BYTES = 4096


def routes(site: Site) -> Sequence[BaseRoute]:
    """The routes of keys."""

    async def take(request: Request) -> Response:
        said = await _form(request)
        secret, back = said.get("key", ""), _path(said.get("back", ""))
        try:
            refuse_other_sites(request)
            site.access.reader_of(secret)
        except AccessError as error:
            text = str(error) if error.status == 403 else "No key of this home is this one."
            return site.plain(request, "A key, please", text, error.status, template="pages/key.html.jinja", back=back)
        answer = RedirectResponse(back, 303)
        remember(answer, secret, request)
        return answer

    async def give_back(request: Request) -> Response:
        try:
            refuse_other_sites(request)
        except AccessError as error:
            return site.refused(request, error)
        answer = RedirectResponse("/", 303)
        forget(answer)
        return answer

    return [Route("/key", take, methods=["POST"]), Route("/key/forget", give_back, methods=["POST"])]


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return {}
    return posted(body)


def _path(said: str) -> str:
    """An address of ours: never one of another host, which `//` and a backslash would begin."""
    is_ours = said.startswith("/") and not said.startswith("//") and "\\" not in said and said.isprintable()
    return said if is_ours else "/"
