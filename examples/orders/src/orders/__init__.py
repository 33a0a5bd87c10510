"""An event-sourced shop, instrumented with cqrs-telemetry."""
