"""Grafana dashboards of recorded series, and a doctor that says why a panel is empty."""
