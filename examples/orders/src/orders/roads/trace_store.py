"""Where traces end: takes OTLP by HTTP, as Tempo would, and keeps one JSON object a span."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..demo.ports import HOST


def build_store(output: Path) -> Starlette:
    """Append each span to ``output``; ids are in hexadecimal digits, as in an exemplar."""

    async def keep(request: Request) -> Response:
        # https://opentelemetry.io/docs/specs/otlp/#otlphttp
        body = await request.body()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with output.open("a", encoding="utf-8") as lines:
            for span in _spans(ExportTraceServiceRequest.FromString(body)):
                lines.write(json.dumps(span) + "\n")
        return Response(media_type="application/x-protobuf")  # an empty message: all were taken

    return Starlette(
        routes=[
            Route("/v1/traces", keep, methods=["POST"]),
            Route("/health", lambda _: Response(status_code=204)),
        ]
    )


def serve_store(port: int, output: Path) -> None:
    """Serve until a signal comes."""
    output.touch()
    uvicorn.run(build_store(output), host=HOST, port=port, log_level="warning")


def read_spans(path: Path) -> list[dict[str, Any]]:
    """All spans that were kept so far."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # the last may be half written
    return [json.loads(line) for line in lines]


def _spans(request: ExportTraceServiceRequest) -> Iterator[dict[str, Any]]:
    for resource in request.resource_spans:
        about = _plain(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {"resource": about, "scope": scope.scope.name, **_span(span)}


def _span(span: Span) -> dict[str, Any]:
    return {
        "name": span.name,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "duration_ms": (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000_000,
        "failed": span.status.code == Status.STATUS_CODE_ERROR,
        "attributes": _plain(span.attributes),
        "links": [
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links
        ],
    }


def _plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, kind) if kind else None
        for each in attributes
        for kind in [each.value.WhichOneof("value")]
        if kind not in ("array_value", "kvlist_value", "bytes_value")  # ours have none of these
    }
