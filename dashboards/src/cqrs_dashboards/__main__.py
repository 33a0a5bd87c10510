"""Start of the command: ``cqrs-dashboards``, or ``python -m cqrs_dashboards``."""

from cqrs_alerts.startup import importing

with importing():
    from .cli import main

if __name__ == "__main__":
    main()
