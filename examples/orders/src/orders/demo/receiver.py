"""Who is told of alerts: a webhook that keeps what Alertmanager sends."""

from __future__ import annotations

import json
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .ports import HOST


def build_receiver(output: Path) -> Starlette:
    """Append each notification to ``output`` with the time that it came."""

    async def keep(request: Request) -> Response:
        # https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
        notification = {"received": time.time(), **await request.json()}
        with output.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(notification) + "\n")
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/", keep, methods=["POST"]),
            Route("/health", lambda _: Response(status_code=204)),
        ]
    )


def serve_receiver(port: int, output: Path) -> None:
    """Serve until a signal comes."""
    output.touch()
    uvicorn.run(build_receiver(output), host=HOST, port=port, log_level="warning")
