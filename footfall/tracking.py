"""Ways to tell without telling: a decorator, a tracker of one user, and an ASGI middleware."""

from __future__ import annotations

import functools
import inspect
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping, MutableMapping
from typing import Any, Self, TypeVar, cast

from footfall.client import Analytics, get_user_analytics_service
from footfall.events import EventType

Function = TypeVar("Function", bound=Callable[..., Any])
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Mapper = Callable[..., Mapping[str, Any] | None]

# arguments that say who calls, and what of them is the id
WHO = ("user_id", "current_user", "user")
WHOSE_ID = ("user_id", "id", "pk", "username")
# a part of a path that names one thing among many: a number, a UUID, a long token, an address
ONE_OF_MANY = re.compile(r"\d+|[0-9a-fA-F-]{16,}|.*@.*|.*%.*|(?=.*\d)[\w.~-]{12,}|.{40,}")
UNKNOWN_ROUTE = "(no route)"


def track_analytics_event(
    event_type: EventType | str,
    event_data_mapper: Mapper | None = None,
    include_user: bool = True,
    *,
    event_name: str | None = None,
    analytics: Analytics | None = None,
) -> Callable[[Function], Function]:
    """Tell an event each time the decorated function has ended: plain, async, or a generator of either kind.

    Its properties are `function`, `duration_ms`, `success`, and `error`, the exception's class, where it raised; what
    it raises is raised as ever. A generator has ended when it is exhausted, closed or has raised.

    Args:
        event_type: its kind, or its name.
        event_data_mapper: makes further properties; called with the arguments of the call, and with `result` where it
            has a parameter of that name (None after an exception, and of generators).
        include_user: whether the event is of the user whom an argument `user_id`, `current_user` or `user` names.
        event_name: its name; else, where `event_type` is no name, that of the function.
        analytics: the client; that of the process by default.
    """

    def decorate(function: Function) -> Function:
        told = _Told(function, event_type, event_data_mapper, include_user, event_name, analytics)
        wrapper: Callable[..., Any]
        if inspect.isasyncgenfunction(function):
            made = function

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
                with told.call(args, kwargs):
                    generator = made(*args, **kwargs)
                    try:
                        step = generator.asend(None)
                        while True:
                            try:
                                item = await step
                            except StopAsyncIteration:
                                return
                            try:
                                step = generator.asend((yield item))
                            except GeneratorExit:
                                raise
                            except BaseException as thrown:
                                step = generator.athrow(thrown)
                    finally:
                        await generator.aclose()

        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                with told.call(args, kwargs):
                    return (yield from function(*args, **kwargs))

        elif inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with told.call(args, kwargs) as call:
                    call.result = await function(*args, **kwargs)
                    return call.result

        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with told.call(args, kwargs) as call:
                    call.result = function(*args, **kwargs)
                    return call.result

        return cast(Function, wrapper)

    return decorate


class _Told:
    """What a decorated function tells."""

    def __init__(
        self,
        function: Callable[..., Any],
        event_type: EventType | str,
        mapper: Mapper | None,
        include_user: bool,
        event_name: str | None,
        analytics: Analytics | None,
    ) -> None:
        self.name = getattr(function, "__qualname__", type(function).__name__)
        self.event_type, self.mapper, self.include_user = event_type, mapper, include_user
        self.event_name = event_name or (self.name if isinstance(event_type, EventType) else None)
        self.analytics = analytics
        self.signature = _signature(function)
        mapped = _signature(mapper)
        self.takes_result = mapped is not None and "result" in mapped.parameters

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
        return _Call(self, args, kwargs)


class _Call:
    """One call, for the time of a with block."""

    def __init__(self, told: _Told, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.told, self.args, self.kwargs = told, args, kwargs
        self.result: Any = None

    def __enter__(self) -> Self:
        self.began = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        told = self.told
        # to close a generator is no failure of it
        is_failure = kind is not None and not issubclass(kind, GeneratorExit)
        properties: dict[str, Any] = {
            "function": told.name,
            "duration_ms": round((time.perf_counter() - self.began) * 1000, 3),
            "success": not is_failure,
        }
        if kind is not None and is_failure:
            properties["error"] = kind.__name__
        analytics = told.analytics or get_user_analytics_service()
        properties |= _quietly(analytics, self._mapped) or {}
        user = _quietly(analytics, self._user) if told.include_user else None
        analytics.track_event(user, told.event_type, told.event_name, properties)

    def _mapped(self) -> dict[str, Any]:
        if self.told.mapper is None:
            return {}
        more = {"result": self.result} if self.told.takes_result else {}
        return dict(self.told.mapper(*self.args, **self.kwargs, **more) or {})

    def _user(self) -> Any:
        if self.told.signature is None:
            return None
        bound = self.told.signature.bind_partial(*self.args, **self.kwargs)
        arguments = {**bound.kwargs, **bound.arguments}
        return next((found for name in WHO if (found := _id(arguments.get(name))) is not None), None)


def _signature(function: Callable[..., Any] | None) -> inspect.Signature | None:
    if function is None:
        return None
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some builtins say none
        return None


def _id(user: Any) -> Any:
    if user is None or isinstance(user, str | int):
        return user
    if isinstance(user, Mapping):
        return next((user[name] for name in WHOSE_ID if user.get(name) is not None), None)
    return next((found for name in WHOSE_ID if (found := getattr(user, name, None)) is not None), None)


Value = TypeVar("Value")


def _quietly(analytics: Analytics, make: Callable[[], Value]) -> Value | None:
    """What a function of the application's makes; where it raises, that is told, and the event is told without."""
    try:
        return make()
    except Exception as fault:
        analytics.warn("mapper", f"Part of an event could not be made: {type(fault).__name__}: {fault}")
        return None


class AnalyticsTracker:
    """What one user does: their ids are said once. As a with block it is a session, from its start to its end."""

    def __init__(
        self,
        user_id: str | int | None = None,
        *,
        analytics: Analytics | None = None,
        anonymous_id: str | None = None,
        session_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        self.analytics = analytics or get_user_analytics_service()
        self.session_id = session_id
        self._ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        self._properties = dict(properties or {})

    def track(self, event_name: str, properties: Mapping[str, Any] | None = None, **more: Any) -> bool:
        """Tell an event by its name."""
        return self.track_event(None, event_name, properties, **more)

    def page(self, page_url: str, properties: Mapping[str, Any] | None = None) -> bool:
        """Tell that a page is viewed."""
        return self.track_event(EventType.PAGE_VIEW, None, properties, page_url=page_url)

    def track_event(
        self,
        event_type: EventType | str | None = None,
        event_name: str | None = None,
        properties: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> bool:
        """Tell an event as `Analytics.track_event` does."""
        told = {**self._properties, **(properties or {})}
        ids = {**self._ids, "session_id": self.session_id, **more}
        return self.analytics.track_event(
            event_type=event_type, event_name=event_name, properties=told, **cast(Any, ids)
        )

    def identify(self, user_id: str | int, traits: Mapping[str, Any] | None = None) -> bool:
        """Say who it is from now on."""
        self._ids["user_id"] = user_id
        return self.analytics.identify(user_id, traits, anonymous_id=cast("str | None", self._ids["anonymous_id"]))

    def __enter__(self) -> Self:
        self.session_id = self.analytics.start_session(
            properties=self._properties, session_id=self.session_id, **cast(Any, self._ids)
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.session_id is not None:
            self.analytics.end_session(self.session_id, self._properties, **cast(Any, self._ids))


class AnalyticsMiddleware:
    """ASGI middleware: each request is an event `server_request`, which makes nobody active by itself.

    Its properties are `method`, `route`, `status` and `duration_ms`, until the last byte of the answer. `route` is the
    template that the framework found (`/orders/{order_id}`); where it tells none, the path with what looks like an id
    taken out. The query string, headers, bodies and addresses are never told.

    Args:
        app: the application.
        analytics: the client; that of the process by default.
        user_id: who asks, from the scope; by default the identity that an authentication middleware found.
        exclude: routes or paths that are not told, such as health checks; a `*` at the end stands for any rest.
        event_name: what a request is called instead.
    """

    def __init__(
        self,
        app: ASGIApp,
        analytics: Analytics | None = None,
        *,
        user_id: Callable[[Scope], Any] | None = None,
        exclude: Iterable[str] = ("/health", "/healthz", "/metrics", "/favicon.ico", "/static/*"),
        event_name: str = "server_request",
    ) -> None:
        self._app, self._analytics, self._user_id = app, analytics, user_id
        self._exclude, self._event_name = tuple(exclude), event_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the application does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path, root = scope["path"], str(scope.get("root_path", ""))
        try:
            await self._app(scope, receive, watched)
        finally:
            analytics = self._analytics or get_user_analytics_service()
            seconds = time.perf_counter() - began
            _quietly(analytics, lambda: self._tell(analytics, scope, path, root, status, seconds))

    def _tell(self, analytics: Analytics, scope: Scope, path: str, root: str, status: int, seconds: float) -> None:
        route = _route(scope, path, root, status)
        if any(_is_like(told, pattern) for pattern in self._exclude for told in (route, path)):
            return
        user = _quietly(analytics, lambda: (self._user_id or _identity)(scope))
        told = {"method": scope["method"], "route": route, "status": status, "duration_ms": round(seconds * 1000, 3)}
        analytics.track_event(user, event_name=self._event_name, properties=told)


def _is_like(told: str, pattern: str) -> bool:
    return told.startswith(pattern[:-1]) if pattern.endswith("*") else told == pattern


def _route(scope: Scope, path: str, root: str, status: int) -> str:
    """The template of the route, with what it is mounted under."""
    parameters = scope.get("path_params") or {}
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    if isinstance(template, str):
        # a mount says by its own path what has become of the root already
        inner = template if hasattr(route, "methods") else "/{path}"
        outer = {name: value for name, value in parameters.items() if f"{{{name}}}" not in inner}
        return _with_names(str(scope.get("root_path", "")).removeprefix(root), outer) + inner
    if "endpoint" in scope or parameters:
        return _with_names(path, parameters)
    if status == 404:
        return UNKNOWN_ROUTE
    return "/".join("{id}" if ONE_OF_MANY.fullmatch(part) else part for part in path.split("/"))


def _with_names(path: str, parameters: Mapping[str, Any]) -> str:
    """A path in which the names of its parameters stand for what they are this time."""
    parts = path.split("/")
    for name, value in parameters.items():
        said = str(value).split("/")
        for begin in reversed(range(len(parts) - len(said) + 1)):
            if parts[begin : begin + len(said)] == said:
                parts[begin : begin + len(said)] = [f"{{{name}}}"]
                break
    return "/".join(parts)


def _identity(scope: Scope) -> Any:
    user = scope.get("user")
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    try:
        return user.identity or None
    except (AttributeError, NotImplementedError):
        return _id(user)
