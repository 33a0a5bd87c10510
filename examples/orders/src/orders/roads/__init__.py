"""Every road from the service to Prometheus, on real servers: what arrives is what was sent."""
