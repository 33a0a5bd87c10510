"""TraceQL, as Grafana Tempo reads it: https://grafana.com/docs/tempo/latest/traceql/."""

from __future__ import annotations

from cqrs_telemetry import catalog


def spans(side: catalog.Side, *conditions: str) -> str:
    """A search for spans of one side that fulfil all conditions."""
    all_of = (f'span.{catalog.SIDE.key} = "{side}"', *conditions)
    return f"{{ {' && '.join(all_of)} }}"
