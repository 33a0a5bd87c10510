"""Start of the command: ``cqrs-alerts``, or ``python -m cqrs_alerts``."""

from .startup import importing

with importing():
    from .cli import main

if __name__ == "__main__":
    main()
