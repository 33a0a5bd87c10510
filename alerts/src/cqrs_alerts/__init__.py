"""Prometheus rules and runbooks for services instrumented with cqrs-telemetry."""
