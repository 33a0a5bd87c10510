"""Faults of telemetry: of processes that report it, of the collector, of Prometheus."""

from __future__ import annotations

import signal

from cqrs_alerts.projection_state import UNKNOWN

from .fault import Fault, alerts_named

FAULTS = (
    Fault(
        "type-name-explosion", "every query has a class of its own", "service",
        alerts_named("CqrsTypeNameOverflow"),
        "queries are answered as before; only their names are too many",
    ),
    Fault(
        "telemetry-faults", "the result class of StockLevels raises when it is inspected",
        "service",
        alerts_named("CqrsTelemetryFaults"),
        "the instrumentation cannot inspect the results; users get their answers as before",
    ),
    Fault(
        "telemetry-lost", "the service shuts its meter provider down and goes on", "service",
        alerts_named("CqrsInstanceSilent"),
        "its page of metrics is empty; that nothing seems to arrive follows, and is inhibited",
        watch=355,
        state=UNKNOWN,
    ),
    Fault(
        "outage", "SIGKILL to the service and to the projections' process", "service",
        alerts_named("CqrsTelemetryAbsent"),
        "nobody reports any more; that each target is down follows, and is inhibited",
        signal=signal.SIGKILL, ends=True,
        also=("projection",),
        state=UNKNOWN,
    ),
    Fault(
        "service-killed", "SIGKILL to the service", "service",
        alerts_named(
            "CqrsTargetDown",
        ),
        "nothing can be scraped there; that nothing is handled follows, and is inhibited",
        signal=signal.SIGKILL, ends=True,
        watch=355,
        state=UNKNOWN,
    ),
    Fault(
        "rule-limit", "Prometheus loads rules with a limit of 50 series to a rule", "prometheus",
        alerts_named("CqrsRuleEvaluationFailing"),
        "the rules of histogram buckets give more series, so they fail; all others are evaluated",
        signal=None,
    ),
    Fault(
        "slow-remote-read", "Prometheus reads the past from a store that does not answer",
        "prometheus",
        alerts_named("CqrsRuleEvaluationSlow"),
        "each rule waits for the store before it uses what Prometheus has itself",
        signal=None,
    ),
    Fault(
        "collector-memory", "the collector loads a configuration with a memory limit of 2 MiB",
        "collector",
        alerts_named("CqrsCollectorRefusing"),
        "it refuses spans to stay below the limit; metrics are scraped from the processes",
        signal=None,
        collector=True,
    ),
    Fault(
        "traces-lost", "SIGKILL to the store of traces, behind the collector", "traces",
        alerts_named("CqrsCollectorDropping"),
        "the collector takes spans in and gives them up when it has tried for long enough",
        signal=signal.SIGKILL, ends=True,
        collector=True,
    ),
)  # fmt: skip
