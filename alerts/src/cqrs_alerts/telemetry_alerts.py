"""Alerts on what the others depend on: processes that report, and the instrumentation itself."""

from __future__ import annotations

from cqrs_telemetry import catalog

from . import foreign_metrics as foreign
from .alert import Alert, Query
from .conditions import (
    COUNT,
    PER_SECOND,
    PERCENT,
    absent,
    any_even_first,
    any_of,
    at_once,
    busiest,
    current,
    description,
)
from .foreign_conditions import (
    dropped,
    dropping,
    foreign_description,
    instance_silent,
    refused,
    refusing,
    rule_failing,
    rule_failures,
    rule_load,
    rule_slow,
    target_description,
    target_down,
)
from .links import PIPELINE_UID
from .recording import FAULT_RATE, FIRST_FAULTS, INSTANCE_SERIES, INSTANCES, OVERFLOW_RATE
from .windows import RATE_WINDOW

ALERTS = (
    Alert(
        "CqrsTelemetryAbsent", "telemetry", PIPELINE_UID, "Do processes report?",
        "A service stopped reporting",
        description(INSTANCES, "No process of the service reports any more"),
        absent,
        (
            Query("Processes that report now", current(INSTANCES)),
            Query("Targets that cannot be scraped", lambda _: f"{foreign.UP} == 0"),
        ),
    ),
    Alert(
        "CqrsTelemetryFaults", "telemetry", PIPELINE_UID, "Do processes report?",
        "The instrumentation itself fails",
        description(
            FAULT_RATE,
            f"Instrumentation of the {{cqrs_side}} side raised {{error_type}} {COUNT} times "
            f"in {RATE_WINDOW}",
        ),
        any_even_first(FIRST_FAULTS),
        (Query("Faults per second, by exception", busiest(FAULT_RATE)),),
    ),
    Alert(
        "CqrsTypeNameOverflow", "telemetry", PIPELINE_UID, "Are type names bounded?",
        f"More names than the limit: the rest is recorded as {catalog.OTHER_TYPE}",
        description(
            OVERFLOW_RATE,
            f"On the {{cqrs_side}} side, {COUNT} operations in {RATE_WINDOW} had a name beyond the "
            "limit of {attribute_key}",
        ),
        any_of(OVERFLOW_RATE),
        (Query("Operations under a folded name, per second", busiest(OVERFLOW_RATE)),),
    ),
    Alert(
        "CqrsInstanceSilent", "telemetry", PIPELINE_UID, "Do processes report?",
        "A process is scraped and reports nothing about commands, queries and projections",
        target_description("{instance} answers, and nothing of this bundle is in its answer"),
        instance_silent,
        (
            Query("Series of the process' telemetry, by instance", current(INSTANCE_SERIES)),
            Query("Targets", lambda _: foreign.UP),
            Query("Samples in the last scrape", lambda _: foreign.SCRAPE_SAMPLES),
        ),
        holds_within=at_once,
    ),
    Alert(
        "CqrsTargetDown", "telemetry", PIPELINE_UID, "Are services scraped?",
        "A process of a service cannot be scraped",
        target_description("{instance} cannot be scraped"),
        target_down,
        (
            Query("Targets that cannot be scraped", lambda _: f"{foreign.UP} == 0"),
            Query("Processes that report now", current(INSTANCES)),
        ),
        holds_within=at_once,
    ),
    Alert(
        "CqrsRuleEvaluationFailing", "telemetry", PIPELINE_UID, "Are rules evaluated?",
        "Rules of this bundle fail, so dashboards and alerts are blind",
        foreign_description(
            f"Prometheus {{instance}} fails to evaluate {{rule_group}} {PER_SECOND}",
            foreign.RULE_GROUP,
        ),
        rule_failing,
        (
            Query("Failed evaluations per second, by group", rule_failures),
            Query("Evaluation time as a share of the interval", rule_load),
        ),
    ),
    Alert(
        "CqrsRuleEvaluationSlow", "telemetry", PIPELINE_UID, "Are rules evaluated?",
        "Rules of this bundle are evaluated late, or soon will be",
        foreign_description(
            f"Prometheus {{instance}} needs {PERCENT} of the interval for {{rule_group}}",
            foreign.RULE_GROUP,
        ),
        rule_slow,
        (
            Query("Evaluation time as a share of the interval", rule_load),
        ),
        holds_within=at_once,
    ),
    Alert(
        "CqrsCollectorRefusing", "telemetry", PIPELINE_UID,
        "Does the collector pass everything on?",
        "A collector does not take in what services send",
        foreign_description(
            f"Collector {{instance}}, receiver {{receiver}}: {{kind}} {PER_SECOND}",
            foreign.RECEIVER, foreign.KIND,
        ),
        refusing,
        (Query("Refused items per second, by receiver", refused),
         Query("Items given up per second, by exporter", dropped)),
    ),
    Alert(
        "CqrsCollectorDropping", "telemetry", PIPELINE_UID,
        "Does the collector pass everything on?",
        "A collector gives up what it cannot send on",
        foreign_description(
            f"Collector {{instance}}, exporter {{exporter}}: {{kind}} {PER_SECOND}",
            foreign.EXPORTER, foreign.KIND,
        ),
        dropping,
        (Query("Items given up per second, by exporter", dropped),
         Query("Refused items per second, by receiver", refused)),
    ),
)  # fmt: skip
