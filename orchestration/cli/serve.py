"""`footfall serve`: what applications send to."""

from __future__ import annotations

import gc
import ipaddress
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from orchestration.cli.console import errors

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from serving.server import Part, Shared


def _api(shared: Shared) -> Starlette:
    from serving.api import api

    return api(shared)


def _live(shared: Shared) -> Starlette:
    from serving.live import live

    return live(shared)


def _pages(shared: Shared) -> Starlette:
    from starlette.applications import Starlette

    from orchestration.settings import project_dir
    from serving.pages import pages

    return Starlette(routes=pages(shared.home, project_dir(), shared.snapshots, is_live=shared.is_live))


# what a server is made of beside the collector, which receives; each with words of its own at the begin of its paths,
# the last one for all that nobody else has
PARTS: dict[str, Part] = {"api": _api, "live": _live, "pages": _pages}


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
    only: Annotated[
        Literal["collector", "api", "live", "pages"] | None,
        typer.Option(help=f"Serve this alone; there is: {', '.join(('collector', *PARTS))}."),
    ] = None,
    app: Annotated[str, typer.Option(help="The app of events while the home has no keys.")] = "default",
) -> None:
    """Receive events from the SDKs of other products, change their host to this one; and answer from what is published.

    Events are on disk before they are acknowledged, and land by themselves. Ctrl-C lands what is left and ends.
    """
    import uvicorn

    from ingest.collector.keys import Keys
    from ingest.collector.state import is_receiving
    from orchestration.backstage import Workshop
    from orchestration.settings import home
    from serving.server import Shared, application

    folder, receives = home(), only in (None, "collector")
    keys = Keys(folder).list()
    if not keys and not _is_loopback(host):
        _refuse(
            f"{host} can be reached from outside, and this home has no keys: anybody could send and read. "
            "Make one with `footfall keys create --app NAME`, or serve 127.0.0.1."
        )
    if receives and is_receiving(folder):
        _refuse(f"Another `footfall serve` receives for {folder}. Stop it, or set FOOTFALL_HOME to another folder.")
    try:
        listening = socket.create_server((host, port), family=_family(host), backlog=2048)
    except OSError as error:
        why = str(error.strerror).split(" (")[0]
        _refuse(f"{host}:{port} cannot be listened on: {why}. Choose another --host or --port.")
    shared = Shared.of(folder, app, Workshop(folder), is_live=only in (None, "live"))
    parts = [part(shared) for name, part in PARTS.items() if only in (None, name)]
    does = "receives" if only == "collector" else "receives and answers" if receives else "answers"
    told = f"with {len(keys)} keys" if keys else f"without keys, for this machine alone, as app {app}"
    print(f"Footfall {does} on {_address(listening)} {told}; home {folder}. Ctrl-C ends it.", flush=True)
    config = uvicorn.Config(
        application(shared, parts, receives=receives), log_level="warning", access_log=False, server_header=False,
        timeout_keep_alive=30, timeout_graceful_shutdown=10,
        # small messages to many sockets: to compress each for each would cost more than it saves
        ws_per_message_deflate=False, h11_max_incomplete_event_size=64 * 1024,
    )  # fmt: skip
    config.load()
    # what is imported stays: looking through it for garbage would hold every answer up
    gc.freeze()
    uvicorn.Server(config).run([listening])


def _refuse(why: str) -> NoReturn:
    errors.print(why, soft_wrap=True, markup=False, highlight=False)
    sys.exit(2)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
