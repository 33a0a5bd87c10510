"""From a latency to the traces that are slower: links to Grafana's Explore, with TraceQL.

The data source is the dashboard's variable for traces. Grafana replaces ``${...}`` with the value
that was clicked: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-data-links/.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from cqrs_alerts.traceql import spans
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Side

from .model import Link
from .queries import Queries

TRACES_VARIABLE = "traces"

_VALUE = "${__value.raw}"
_SPAN_TYPES = {
    catalog.COMMAND_TYPE: catalog.SPAN_COMMAND_TYPE,
    catalog.QUERY_TYPE: catalog.SPAN_QUERY_TYPE,
    catalog.PROJECTION_NAME: catalog.SPAN_PROJECTION_NAME,
}


def slower_spans(queries: Queries, side: Side, *types: Attribute) -> Link:
    """To spans that took longer than the value; of the series' own types where it has them."""
    conditions = (*_of(queries, types), f"duration > {_VALUE}ms")
    return _explore("Traces slower than this", spans(side, *conditions))


def later_spans(queries: Queries, *types: Attribute) -> Link:
    """To spans of events that became visible later than the value."""
    conditions = (*_of(queries, types), f"span.{catalog.SPAN_PROJECTION_LAG.key} > {_VALUE}")
    return _explore("Traces later than this", spans(catalog.PROJECTION, *conditions))


def _of(queries: Queries, types: tuple[Attribute, ...]) -> tuple[str, ...]:
    return tuple(
        f'span.{_SPAN_TYPES[each].key} = "${{__field.labels.{queries.label(each)}}}"'
        for each in types
    )


def _explore(title: str, traceql: str) -> Link:
    query = {"refId": "A", "queryType": "traceql", "query": traceql}
    source = f"${{{TRACES_VARIABLE}}}"
    panes = {
        "traces": {
            "datasource": source,
            "queries": [query | {"datasource": {"type": "tempo", "uid": source}}],
            "range": {"from": "${__from}", "to": "${__to}"},
        }
    }
    # Grafana replaces references in the address as it is written: they must not be escaped.
    escaped = quote(json.dumps(panes, separators=(",", ":")), safe="")
    address = re.sub(r"%24%7B([\w.]+)%7D", r"${\1}", escaped)
    return Link(title, f"/explore?schemaVersion=1&orgId=${{__org.id}}&panes={address}")
