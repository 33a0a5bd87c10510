"""A live Prometheus: what it has loaded, what it has no data for, and why."""
