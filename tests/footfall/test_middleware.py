"""Requests are told by the template of their route, never by what stands in it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from footfall import Analytics, AnalyticsMiddleware
from tests.footfall.conftest import received


@pytest.fixture
def client(home: Path) -> Iterator[Analytics]:
    with Analytics(home=home, flush_interval=0.01) as made:
        yield made


def asked(app: Any, *paths: str, method: str = "GET") -> list[int]:
    async def all_of_them() -> list[int]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
            return [(await http.request(method, path)).status_code for path in paths]

    return asyncio.run(all_of_them())


def routes(client: Analytics, home: Path) -> list[tuple[str, int]]:
    assert client.flush(30)
    return [(event["properties"]["route"], event["properties"]["status"]) for event in received(home)]


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("fine")


async def fail(request: Request) -> PlainTextResponse:
    raise RuntimeError("not the middleware's")


def test_fastapi_tells_its_templates(client: Analytics, home: Path) -> None:
    app, router = FastAPI(), APIRouter(prefix="/shop")
    app.add_middleware(AnalyticsMiddleware, analytics=client)

    @router.get("/orders/{order_id}/items/{item}")
    async def items(order_id: int, item: str) -> str:
        return item

    app.include_router(router)
    assert asked(app, "/shop/orders/17/items/secret?token=x", "/shop/orders/none/items/a", "/17/secret", "/health") == [
        200, 422, 404, 404,
    ]  # fmt: skip
    assert routes(client, home) == [
        ("/shop/orders/{order_id}/items/{item}", 200),
        ("/shop/orders/{order_id}/items/{item}", 422),
        ("(no route)", 404),
    ]
    text = json.dumps(received(home))
    assert "secret" not in text and "token" not in text


def test_starlette_tells_its_templates_through_mounts(client: Analytics, home: Path) -> None:
    inner = [Route("/users/{name}", answer), Route("/files/{path:path}", answer), Route("/users/{name}/fail", fail)]
    app = Starlette(
        routes=[Mount("/api", routes=inner), Mount("/of/{tenant}", routes=[Mount("/v1", routes=inner)])],
        middleware=[Middleware(AnalyticsMiddleware, analytics=client)],
    )
    assert asked(app, "/api/users/api", "/api/files/a/b.txt", "/api/users/x/fail", "/api/none") == [200, 200, 500, 404]
    assert asked(app, "/of/acme/v1/users/ann", "/of/acme/v1/none", "/none") == [200, 404, 404]
    assert routes(client, home) == [
        ("/api/users/{name}", 200),
        ("/api/files/{path}", 200),
        ("/api/users/{name}/fail", 500),
        ("/api/{path}", 404),
        ("/of/{tenant}/v1/users/{name}", 200),
        ("/of/{tenant}/v1/{path}", 404),
        ("(no route)", 404),
    ]


def test_an_application_without_routes_is_told_without_what_looks_like_an_id(client: Analytics, home: Path) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = AnalyticsMiddleware(bare, client)
    asked(
        app,
        "/orders/17/pay",
        "/u/9f8b7c6d-1234-4abc-9def-001122334455",
        "/u/ann@example.org",
        "/static/app.js",
        "/a/tok3n-abcdefgh",
    )
    assert [route for route, _ in routes(client, home)] == ["/orders/{id}/pay", "/u/{id}", "/u/{id}", "/a/{id}"]


def test_it_says_who_asked_how_and_until_the_last_byte(client: Analytics, home: Path) -> None:
    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
            return None if conn.url.path == "/anonymous" else (AuthCredentials(), SimpleUser("ann"))

    class User(SimpleUser):
        @property
        def identity(self) -> str:
            return self.username

    async def stream(request: Request) -> StreamingResponse:
        async def parts() -> Any:
            yield "a"
            await asyncio.sleep(0.05)
            yield "b"

        return StreamingResponse(parts())

    app = Starlette(
        routes=[Route("/stream", stream, methods=["POST"]), Route("/anonymous", answer, methods=["POST"])],
        middleware=[
            Middleware(AnalyticsMiddleware, analytics=client),
            Middleware(AuthenticationMiddleware, backend=Backend()),
        ],
    )
    assert asked(app, "/stream", "/anonymous", method="POST") == [200, 200]
    assert client.flush(30)
    streamed, anonymous = received(home)
    assert streamed["properties"]["method"] == "POST" and streamed["properties"]["duration_ms"] >= 50
    assert "user_id" not in anonymous and streamed["user_id"] == "ann"


def test_no_failure_of_it_reaches_the_application(client: Analytics, home: Path) -> None:
    def who(scope: Any) -> str:
        raise LookupError("the session is gone")

    app = Starlette(
        routes=[Route("/", answer)], middleware=[Middleware(AnalyticsMiddleware, analytics=client, user_id=who)]
    )
    assert asked(app, "/") == [200]
    assert routes(client, home) == [("/", 200)]
    client.close()
    assert asked(app, "/") == [200]
