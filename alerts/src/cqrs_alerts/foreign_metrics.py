"""Names of series that other programs make: Prometheus itself and the OpenTelemetry collector."""

from __future__ import annotations

# Of every scrape: https://prometheus.io/docs/concepts/jobs_instances/
UP = "up"
SCRAPE_DURATION = "scrape_duration_seconds"
SCRAPE_SAMPLES = "scrape_samples_scraped"

OF_SCRAPES = (UP, SCRAPE_DURATION, SCRAPE_SAMPLES)

# Of every alerting rule: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
ALERTS = "ALERTS"
ALERT_NAME = "alertname"
ALERT_STATE = "alertstate"
FIRING = "firing"

# Of a Prometheus that scrapes itself; a group's name follows its file's, after a semicolon.
RULE_GROUP = "rule_group"
RULE_GROUP_SECONDS = "prometheus_rule_group_last_duration_seconds"
RULE_GROUP_INTERVAL_SECONDS = "prometheus_rule_group_interval_seconds"
RULE_GROUP_LAST_EVALUATION = "prometheus_rule_group_last_evaluation_timestamp_seconds"
RULE_GROUP_MISSED = "prometheus_rule_group_iterations_missed_total"
RULE_FAILURES = "prometheus_rule_evaluation_failures_total"
OUR_RULE_GROUPS = ".*;cqrs[.].*"
OF_PROMETHEUS = (
    RULE_GROUP_SECONDS,
    RULE_GROUP_INTERVAL_SECONDS,
    RULE_GROUP_LAST_EVALUATION,
    RULE_GROUP_MISSED,
    RULE_FAILURES,
)

# Of an OpenTelemetry collector, 0.161: receiverhelper's and exporterhelper's documentation.md in
# https://github.com/open-telemetry/opentelemetry-collector; by default without the suffix.
COLLECTOR = "otelcol_"
COLLECTOR_SUFFIX = "_total"
RECEIVER = "receiver"
EXPORTER = "exporter"
KIND = "kind"  # made from the names, for alerts
COLLECTOR_QUEUE_SIZE = f"{COLLECTOR}{EXPORTER}_queue_size"
COLLECTOR_QUEUE_CAPACITY = f"{COLLECTOR}{EXPORTER}_queue_capacity"
COLLECTOR_ACCEPTED = tuple(
    f"{COLLECTOR}{RECEIVER}_accepted_{what}" for what in ("spans", "metric_points")
)
COLLECTOR_SENT = tuple(f"{COLLECTOR}{EXPORTER}_sent_{what}" for what in ("spans", "metric_points"))
COLLECTOR_REFUSED = tuple(
    f"{COLLECTOR}{RECEIVER}_{how}_{what}"
    for how in ("refused", "failed")
    for what in ("spans", "metric_points")
)
COLLECTOR_DROPPED = tuple(
    f"{COLLECTOR}{EXPORTER}_{how}_{what}"
    for how in ("send_failed", "enqueue_failed")
    for what in ("spans", "metric_points")
)
