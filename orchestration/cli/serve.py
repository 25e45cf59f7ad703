"""`footfall serve`: what applications send to."""

from __future__ import annotations

import ipaddress
import sys
from typing import Annotated, Literal

import typer

from orchestration.cli.console import errors


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
    only: Annotated[
        Literal["collector"] | None, typer.Option(help="Serve this alone; the collector is all there is by now.")
    ] = None,
    app: Annotated[str, typer.Option(help="The app of events while the home has no keys.")] = "default",
) -> None:
    """Receive events from the SDKs of other products: change their host to this one.

    Events are on disk before they are acknowledged, and land by themselves. Ctrl-C lands what is left and ends.
    """
    del only
    import uvicorn

    from ingest.collector.app import Collector
    from ingest.collector.keys import Keys
    from orchestration.settings import home

    folder = home()
    keys = Keys(folder).list()
    if not keys and not _is_loopback(host):
        errors.print(
            f"{host} can be reached from outside, and this home has no keys: anybody could send. "
            "Make one with `footfall keys create --app NAME`, or serve 127.0.0.1."
        )
        sys.exit(2)
    told = f"with {len(keys)} keys" if keys else f"without keys, for this machine alone, as app {app}"
    print(f"Footfall receives on http://{host}:{port} {told}; home {folder}. Ctrl-C ends it.", flush=True)
    collector = Collector(folder, app_without_keys=app)
    uvicorn.run(
        collector.asgi(), host=host, port=port, log_level="warning", access_log=False, server_header=False,
        timeout_keep_alive=30, timeout_graceful_shutdown=10, h11_max_incomplete_event_size=64 * 1024,
    )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
