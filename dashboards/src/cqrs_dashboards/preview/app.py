"""The preview's pages and its window on one Prometheus, as an ASGI application.

The page gets the very JSON that Grafana gets and draws it by itself (``static/``). Of Prometheus it
reaches four questions and nothing else, so this is no open proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import plotly
from markdown_it import MarkdownIt
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cqrs_alerts.live.prometheus import Prometheus, PrometheusError, QueryError
from cqrs_alerts.promql import duration_seconds

from ..files import Json
from ..questions import panels

_STATIC = Path(__file__).parent / "static"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
# Another site's page that resolves its name to loopback is not one of these (DNS rebinding).
_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = (
    # Plotly makes style elements; scripts come from here alone.
    (b"content-security-policy",
     (b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
     b"frame-ancestors 'none'; form-action 'none'; base-uri 'none'")),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)  # fmt: skip
_QUERY = ("query", "time", "timeout")
_QUERY_RANGE = ("query", "start", "end", "step", "timeout")
_QUERY_EXEMPLARS = ("query", "start", "end")
_LABEL_VALUES = ("match[]", "start", "end", "limit")


def application(
    dashboards: Sequence[Json], prometheus: Prometheus, scrape_seconds: float
) -> Starlette:
    """The application.

    ``scrape_seconds`` is what Grafana calls the data source's scrape interval: a quarter of the
    least ``$__rate_interval``, and the least step where Prometheus does not tell a smaller one.
    """
    by_uid = {dashboard["uid"]: dashboard for dashboard in dashboards}

    def found(answer: Callable[[Json], Response]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            dashboard = by_uid.get(request.path_params["uid"])
            if dashboard is None:
                return PlainTextResponse("no such dashboard; all of them are listed at /", 404)
            return answer(dashboard)

        return endpoint

    def settings(_request: Request) -> Response:
        step = min(scrape_seconds, _smallest_interval(prometheus, scrape_seconds))
        return JSONResponse({"scrapeSeconds": scrape_seconds, "stepSeconds": step})

    def index(_request: Request) -> Response:
        return FileResponse(_STATIC / "index.html")

    def listing(_request: Request) -> Response:
        return JSONResponse([_summary(each) for each in dashboards])

    def asking(path: str, keys: Sequence[str]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return _ask(prometheus, path, _pick(request, keys))

        return endpoint

    def label_values(request: Request) -> Response:
        label = request.query_params.get("label", "")
        if not label or "/" in label or label in (".", ".."):  # would reach another question
            return _refusal(400, f"{label!r} is not a label's name")
        return _ask(prometheus, f"/api/v1/label/{label}/values", _pick(request, _LABEL_VALUES))

    return Starlette(
        routes=[
            Route("/", index),
            Route("/d/{uid}", found(lambda _: FileResponse(_STATIC / "dashboard.html"))),
            Route("/api/settings", settings),
            Route("/api/dashboards", listing),
            Route("/api/dashboards/{uid}", found(JSONResponse)),
            Route("/api/dashboards/{uid}/texts", found(lambda each: JSONResponse(texts(each)))),
            Route("/api/query", asking("/api/v1/query", _QUERY)),
            Route("/api/query_range", asking("/api/v1/query_range", _QUERY_RANGE)),
            Route("/api/query_exemplars", asking("/api/v1/query_exemplars", _QUERY_EXEMPLARS)),
            Route("/api/label_values", label_values),
            Route("/static/plotly.js", lambda _: FileResponse(_PLOTLY)),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS),
            Middleware(_SafeHeaders),
        ],
    )


def texts(dashboard: Json) -> dict[str, str]:
    """HTML of the dashboard's Markdown panels, by panel id; HTML in their source stays text."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return {
        str(panel["id"]): markdown.render(panel["options"].get("content", ""))
        for panel in panels(dashboard)
        if panel["type"] == "text" and panel["options"].get("mode", "markdown") == "markdown"
    }


def _smallest_interval(prometheus: Prometheus, otherwise: float) -> float:
    try:
        targets = prometheus.ask("/api/v1/targets", {"state": "active"})["activeTargets"]
    except (QueryError, PrometheusError):
        return otherwise  # a panel's own question tells the user
    known = (each["scrapeInterval"] for each in targets if each.get("scrapeInterval"))
    return min(map(duration_seconds, known), default=otherwise)


def _summary(dashboard: Json) -> Json:
    return {key: dashboard.get(key) for key in ("uid", "title", "description", "tags")}


def _pick(request: Request, keys: Sequence[str]) -> dict[str, str]:
    given = request.query_params
    return {key: given[key] for key in keys if key in given}


def _ask(prometheus: Prometheus, path: str, parameters: dict[str, str]) -> Response:
    try:
        data = prometheus.ask(path, parameters)
    except QueryError as error:
        return _refusal(422, str(error))
    except PrometheusError as error:
        return _refusal(502, str(error))
    return JSONResponse({"status": "success", "data": data})


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"status": "error", "error": message}, status)


class _SafeHeaders:
    """What keeps a stray string from becoming a script, on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)
