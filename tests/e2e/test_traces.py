"""Traces across the store, from the spans that service and projection exported."""

from __future__ import annotations

import json

import pytest

from cqrs_alerts.config import Config
from cqrs_alerts.naming import series_name
from cqrs_telemetry import catalog
from waits import wait_for

pytestmark = pytest.mark.healthy


@pytest.fixture(scope="module")
def spans(demo, tally):
    """Finished spans of both processes, once all of them were exported, replays included."""
    applied = series_name(catalog.PROJECTION_TOTAL, Config().naming)
    ((_, events),) = demo.query(f"sum({applied})")
    handled = sum(sum(outcomes.values()) for outcomes in tally["commands"].values())

    def read():
        by_side = {side: read_spans(demo.data / f"spans-{side}.jsonl") for side in SIDES}
        commands = [s for s in by_side["service"] if s["attributes"][SIDE] == catalog.WRITE]
        return commands, by_side["projection"]

    def counts():
        return tuple(map(len, read()))

    # The exporter writes every few seconds.
    wait_for(
        f"spans of {handled} commands and {events:g} events",
        lambda: counts() == (handled, events),
        saw=counts,
        period=0.5,
    )
    return read()


SIDES = ("service", "projection")
SIDE = catalog.SIDE.key


def read_spans(path):
    """Spans of one process; the last line may be half written."""
    lines = path.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1]]


def span_id(context):
    """What identifies a span."""
    return context["trace_id"], context["span_id"]


def test_every_projection_span_links_to_the_command_that_caused_it(spans, tally):
    """Each event's span has one link, to a command span that can have produced such an event."""
    commands, projected = spans
    types = {
        span_id(s["context"]): s["attributes"][catalog.SPAN_COMMAND_TYPE.key] for s in commands
    }
    for span in projected:
        (link,) = span["links"]
        command_type = types[span_id(link["context"])]
        assert span["attributes"][catalog.SPAN_EVENT_TYPE.key] in tally["events"][command_type]
        assert span["context"]["trace_id"] != link["context"]["trace_id"]


def test_only_commands_that_produced_events_are_linked_to(spans):
    """A rejected command has no projection span behind it, a successful one has some."""
    commands, projected = spans
    linked = {span_id(span["links"][0]["context"]) for span in projected}
    for span in commands:
        rejected = catalog.SPAN_COMMAND_STATUS.key in span["attributes"]
        assert (span_id(span["context"]) in linked) != rejected
