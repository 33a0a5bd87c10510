"""suppress-instrumentation is honoured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.context import attach, detach, set_value

from cqrs_telemetry import (
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry


class Message:
    """A command, query or event."""


class Projection(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> str:
        """Return something to see that it ran."""
        return "applied"


@pytest.fixture(
    params=["suppress_instrumentation", context._SUPPRESS_INSTRUMENTATION_KEY],
    ids=["by name", "by the API's own key"],  # which is another in each process
)
def suppressed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Instrumentation suppressed, by either of the keys in use."""
    token = attach(set_value(request.param, True))
    yield
    detach(token)


def everything(recorded: RecordedTelemetry) -> list[Any]:
    """A message through every seam."""
    telemetry = recorded.telemetry
    commands = InstrumentedCommandBus({Message: lambda c: "done"}, telemetry=telemetry)
    queries = InstrumentedQueryBus({Message: lambda q: (row for row in "ab")}, telemetry=telemetry)
    projection = Projection("orders", telemetry=telemetry)
    with telemetry.command("X") as operation:
        operation.produced([1])
        operation.reject("OutOfStock")
    return [
        commands.dispatch(Message()),
        list(queries.execute(Message())),
        projection.handle_event(Message()),
        projection.handle_events([Message()]),
    ]


@pytest.mark.usefixtures("suppressed")
def test_nothing_is_recorded_and_everything_runs(recorded: RecordedTelemetry) -> None:
    """No span, no duration, counters at 0, results as they are."""
    assert everything(recorded) == ["done", ["a", "b"], "applied", None]
    assert recorded.spans() == []
    for metric in catalog.METRICS:
        assert recorded.value(metric) == 0, metric.name


@pytest.mark.usefixtures("suppressed")
async def test_async_too(recorded: RecordedTelemetry) -> None:
    """Also for coroutines and awaitables."""

    async def handle(command: Any) -> str:
        return "done"

    for handler in (handle, lambda command: handle(command)):
        bus = InstrumentedCommandBus({Message: handler}, telemetry=recorded.telemetry)
        assert await bus.dispatch(Message()) == "done"
    assert recorded.spans() == []
    assert recorded.value(catalog.COMMAND_TOTAL) == 0


def test_the_same_is_recorded_otherwise(recorded: RecordedTelemetry) -> None:
    """The two tests above could not pass by recording nothing at all."""
    everything(recorded)
    assert len(recorded.spans()) == 5
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
