"""The demo: service, projection, load and Prometheus, started and watched by one process."""
