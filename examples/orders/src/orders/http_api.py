"""The shop over HTTP: ``POST /commands/PlaceOrder`` with JSON, ``GET /queries/ListOrders?limit=5``.

Handlers are synchronous, as eventsourcing is, and run in the server's thread pool. What telemetry
counts as rejected is answered with 404, 409 or 422; what it counts as an error, with 5xx.
A caller's ``traceparent``, ``tracestate`` and ``baggage`` are those of the bus: its span is the
parent of the command's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

from eventsourcing.persistence import IntegrityError
from opentelemetry import context, propagate
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus, InstrumentedQueryBus
from cqrs_telemetry.eventsourcing import instrument_application

from .application import Shop
from .commands import command_handlers
from .domain import NotFoundError, ShopError
from .queries import query_handlers
from .read_model import NotProjectedError, ReadModel

# A conflict is an answer too: nothing was saved, and asking again is right.
REJECTIONS = (ShopError, IntegrityError)


@dataclass(frozen=True)
class Buses:
    """Both instrumented buses, and the handlers that they look up at each message."""

    commands: InstrumentedCommandBus
    queries: InstrumentedQueryBus
    command_handlers: dict[type, Callable[[Any], Any]]
    query_handlers: dict[type, Callable[[Any], Any]]


def build_buses(shop: Shop, read_model: ReadModel, telemetry: CqrsTelemetry | None = None) -> Buses:
    """Build both sides; ``telemetry`` defaults to the global providers."""
    telemetry = telemetry or CqrsTelemetry(rejections=REJECTIONS)
    instrument_application(shop, telemetry)
    commands = dict[type, Callable[[Any], Any]](command_handlers(shop))
    queries = query_handlers(read_model, telemetry)
    return Buses(
        InstrumentedCommandBus(commands, telemetry=telemetry),
        InstrumentedQueryBus(queries, telemetry=telemetry),
        commands,
        queries,
    )


def build_app(buses: Buses) -> Starlette:
    """Build the application that answers for both buses."""
    command_types = _adapters(buses.command_handlers)
    query_types = _adapters(buses.query_handlers)

    async def dispatch(request: Request) -> Response:
        adapter = _named(command_types, request, "command")
        command = adapter.validate_json(await request.body())
        recorded, headers = await run_in_threadpool(_timed, buses.commands.dispatch, command)
        return JSONResponse(
            {
                "aggregate_id": command.aggregate_id,
                "events": [type(event).__qualname__ for event in recorded.events],
                "position": recorded.position,
            },
            headers=headers,
        )

    async def execute(request: Request) -> Response:
        adapter = _named(query_types, request, "query")
        query = adapter.validate_strings(dict(request.query_params))
        result, headers = await run_in_threadpool(_timed, buses.queries.execute, query)
        if isinstance(result, Iterator):
            return StreamingResponse(_lines(result), media_type="application/x-ndjson")
        if result is None:
            return _refuse(HTTPStatus.NOT_FOUND, NotFoundError("nothing to see"), headers)
        return JSONResponse(to_jsonable_python(result), headers=headers)

    return Starlette(
        routes=[
            Route("/commands/{name}", dispatch, methods=["POST"]),
            Route("/queries/{name}", execute, methods=["GET"]),
            Route("/health", lambda _: JSONResponse({"status": "ok"})),
        ],
        exception_handlers={
            ValidationError: _invalid,
            NotFoundError: lambda _, error: _refuse(HTTPStatus.NOT_FOUND, error),
            ShopError: lambda _, error: _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, error),
            IntegrityError: lambda _, error: _refuse(HTTPStatus.CONFLICT, error),
            NotProjectedError: lambda _, error: _refuse(HTTPStatus.SERVICE_UNAVAILABLE, error),
            Exception: lambda _, error: _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, error),
        },
        middleware=[Middleware(_CallersContext)],
    )


class _CallersContext:
    """Makes the caller's trace context and baggage current while the request is answered.

    The HTTP layer has no span of its own here; a service that wants one takes
    opentelemetry-instrumentation-starlette, which does this as well.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        # As configured by OTEL_PROPAGATORS: https://www.w3.org/TR/trace-context/, baggage.
        token = context.attach(propagate.extract(Headers(scope=scope)))
        try:
            await self._app(scope, receive, send)
        finally:
            context.detach(token)


def _adapters(types: Iterable[type]) -> dict[str, TypeAdapter[Any]]:
    return {message_type.__name__: TypeAdapter(message_type) for message_type in types}


def _named(adapters: dict[str, TypeAdapter[Any]], request: Request, kind: str) -> TypeAdapter[Any]:
    name = request.path_params["name"]
    if name not in adapters:
        raise NotFoundError(f"no {kind} {name!r}; there are {', '.join(adapters)}")
    return adapters[name]


def _timed(handle: Callable[[Any], Any], message: Any) -> tuple[Any, dict[str, str]]:
    """What the bus returns, and a header with what it took, without HTTP and threads around it."""
    started = perf_counter()
    result = handle(message)
    # https://www.w3.org/TR/server-timing/
    return result, {"Server-Timing": f"bus;dur={(perf_counter() - started) * 1000:.3f}"}


def _lines(rows: Iterator[Any]) -> Iterator[str]:
    return (json.dumps(row) + "\n" for row in rows)


def _refuse(
    status: HTTPStatus, error: Exception, headers: dict[str, str] | None = None
) -> JSONResponse:
    message = str(error) if status < HTTPStatus.INTERNAL_SERVER_ERROR else status.phrase
    if isinstance(error, NotProjectedError):
        message = str(error)
    return JSONResponse(
        {"error": {"type": type(error).__name__, "message": message}},
        status_code=status,
        headers=headers,
    )


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ValidationError)  # noqa: S101 - registered for this type alone
    problems = [
        {"field": ".".join(map(str, problem["loc"])), "message": problem["msg"]}
        for problem in error.errors()
    ]
    return JSONResponse(
        {"error": {"type": "InvalidMessage", "message": "see fields", "fields": problems}},
        status_code=HTTPStatus.BAD_REQUEST,
    )
