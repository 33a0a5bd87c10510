"""Spans by way of a collector to a store, for the faults that break one of these."""

from __future__ import annotations

import os
from collections.abc import Mapping

import yaml
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_TRACES_ENDPOINT

from .. import collector

OVERLAY = "collector.yaml"
_EXPORTER = "otlp_http/store"
# A backend that is down is given up after so long, and by default after minutes.
_RETRIES = {"initial_interval": "1s", "max_interval": "2s", "max_elapsed_time": "5s"}


def overlay(store_url: str) -> str:
    """What differs from the shipped configuration: where traces go, and that all of them do."""
    exporter = {
        "endpoint": store_url,
        "tls": {"insecure": True},
        "retry_on_failure": _RETRIES,
    }
    return yaml.safe_dump(
        {
            "processors": {"tail_sampling": {"decision_wait": "1s"}},
            "exporters": {_EXPORTER: exporter},
            "service": {"pipelines": {"traces": {"exporters": [_EXPORTER]}}},
        }
    )


def collector_environment(host: str) -> Mapping[str, str]:
    """Variables of a collector that listens on an address of its own."""
    return {**os.environ, **collector.environment(host), "TRACES_PERCENT": "100"}


def shop_environment(host: str) -> Mapping[str, str]:
    """Variables of service and projection: spans go to the collector, metrics are scraped."""
    endpoint = f"http://{host}:{collector.OTLP_PORT}/v1/traces"
    return {
        **os.environ,
        OTEL_TRACES_EXPORTER: "otlp",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
    }
