"""What the SDK collects as OTLP in JSON, which Prometheus and the collector take over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    MetricsData,
    NumberDataPoint,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan


def attributes(values: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """As OTLP writes them."""
    kinds = {str: "stringValue", float: "doubleValue"}
    return [
        {"key": key, "value": {"intValue": str(value)} if type(value) is int else
         {kinds[type(value)]: value}}
        for key, value in (values or {}).items()
    ]  # fmt: skip


def otlp_metrics(data: MetricsData) -> list[dict[str, Any]]:
    """What the SDK collected, as OTLP; the SDK's own JSON is another."""
    return [
        {
            "resource": {"attributes": attributes(resource.resource.attributes)},
            "scopeMetrics": [
                {
                    "scope": {"name": scope.scope.name},
                    "metrics": [
                        {"name": each.name, "unit": each.unit, **otlp_data(each.data)}
                        for each in scope.metrics
                    ],
                }
                for scope in resource.scope_metrics
            ],
        }
        for resource in data.resource_metrics
    ]


def otlp_data(data: Any) -> dict[str, Any]:
    """Points of one metric."""
    points = [
        {
            "attributes": attributes(point.attributes),
            "startTimeUnixNano": str(point.start_time_unix_nano or 0),  # a gauge has none
            "timeUnixNano": str(point.time_unix_nano),
            "exemplars": list(map(exemplar, point.exemplars)),
            **otlp_value(point),
        }
        for point in data.data_points
    ]
    if isinstance(data, Gauge):
        return {"gauge": {"dataPoints": points}}
    temporality = {"aggregationTemporality": int(data.aggregation_temporality)}
    if isinstance(data, Sum):
        return {"sum": {**temporality, "isMonotonic": data.is_monotonic, "dataPoints": points}}
    if isinstance(data, ExponentialHistogram):
        return {"exponentialHistogram": {**temporality, "dataPoints": points}}
    assert isinstance(data, Histogram)
    return {"histogram": {**temporality, "dataPoints": points}}


def otlp_value(point: Any) -> dict[str, Any]:
    """What a point says."""
    if isinstance(point, NumberDataPoint):
        whole = isinstance(point.value, int)
        return {"asInt": str(point.value)} if whole else {"asDouble": point.value}
    value = {"count": str(point.count), "sum": point.sum}
    if isinstance(point, ExponentialHistogramDataPoint):
        sides = {"positive": point.positive, "negative": point.negative}
        return {
            **value,
            "scale": point.scale,
            "zeroCount": str(point.zero_count),
            **{
                side: {"offset": each.offset, "bucketCounts": list(map(str, each.bucket_counts))}
                for side, each in sides.items()
            },
        }
    return {
        **value,
        "bucketCounts": [str(count) for count in point.bucket_counts],
        "explicitBounds": list(point.explicit_bounds),
    }


def exemplar(found: Exemplar) -> dict[str, Any]:
    """One operation with its trace."""
    return {
        "asDouble": found.value,
        "timeUnixNano": str(found.time_unix_nano),
        "traceId": f"{found.trace_id:032x}",
        "spanId": f"{found.span_id:016x}",
    }


def otlp_spans(spans: Sequence[ReadableSpan], resource: Resource) -> list[dict[str, Any]]:
    """Finished spans, as OTLP."""
    written = [
        {
            "name": span.name,
            "traceId": f"{context.trace_id:032x}",
            "spanId": f"{context.span_id:016x}",
            "startTimeUnixNano": str(span.start_time),
            "endTimeUnixNano": str(span.end_time),
            "attributes": attributes(span.attributes),
            "status": {"code": span.status.status_code.value},
        }
        for span in spans
        if (context := span.get_span_context())
    ]  # fmt: skip
    origin = {"attributes": attributes(resource.attributes)}
    return [{"resource": origin, "scopeSpans": [{"scope": {"name": "cqrs"}, "spans": written}]}]
