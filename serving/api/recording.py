"""What a request adds: events of this server's own, taken by the collector's way, so that they are durable and land."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import StringConstraints
from starlette.responses import Response

from ingest.vendors.vendor import RefusedRequest
from serving.access import Writer
from serving.api.answers import JSON, dumps
from serving.api.problems import Problem
from serving.api.routes import accepted, described, refuse_unknown_parameters
from serving.server import Shared

# text in which something can be seen
Id = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$")
]


class Recorder:
    """Who may add events, and of which app."""

    def __init__(self, request: Request, writer: Writer) -> None:
        self.shared: Shared = request.app.state.shared
        self.writer = writer

    def app_of(self, asked: str | None, owner: str | None = None) -> str:
        """The app of an event: the key's own, else what the request says, else its owner's, else the server's.

        Raises:
            AccessError: when the key is of another app.
            Problem: 422 when nothing says which app.
        """
        app = self.writer.app_of(asked or owner)
        if app is None and self.shared.access.has_keys:
            raise Problem(422, "`app` is missing: an admin key is of no app.", "Say whose event it is.", "app")
        return app or self.shared.app

    async def record(self, app: str, event: dict[str, Any], event_id: str | None = None) -> Response:
        """Take one event and acknowledge it by its id, by which it may be sent again.

        Raises:
            Problem: 503 when it cannot be kept.
        """
        named = event_id or f"footfall:{secrets.token_hex(12)}"
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        try:
            await self.shared.collector.record(app, [{"event_id": named, "occurred_at": now, **event}])
        except RefusedRequest as refused:
            raise Problem(refused.status, str(refused), "Send it again in a while.") from None
        return Response(dumps({"status": "ok", "event_id": named}), 202, media_type=JSON)


def recorder(request: Request) -> Recorder:
    """Who adds; raise AccessError where nobody does who may."""
    refuse_unknown_parameters(request)
    shared: Shared = request.app.state.shared
    return Recorder(request, shared.access.writer(request))


ByWriter = Annotated[Recorder, Depends(recorder)]


def recorded() -> dict[str, Any]:
    """What the decorator of a route says that takes an event."""
    example = {"status": "ok", "event_id": "footfall:5f0d"}
    return accepted(described(example, reads=False, statuses=(400, 404, 409, 503)))
