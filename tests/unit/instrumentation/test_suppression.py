"""suppress-instrumentation is honoured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.context import attach, detach, set_value

from cqrs_telemetry import (
    CqrsTelemetry,
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


class Ping:
    """A query of a health check."""


class Beat:
    """An event that says only that somebody lives."""


class Handled(InstrumentedProjectionHandler):
    """Applies events."""

    def apply(self, event: Any) -> Any:
        """Give it back."""
        return event


@pytest.mark.parametrize("exclude", [["Ping", "Beat"], [Ping, Beat]], ids=["names", "classes"])
def test_excluded_types_are_handled_and_not_recorded(exclude: Any) -> None:
    """No span, no metric, no series; what is inside of them is recorded as ever."""
    recorded = RecordedTelemetry(exclude=exclude)
    telemetry = recorded.telemetry

    def ping(query: Any) -> Any:
        with telemetry.command("Inside"):
            return [query]

    queries = InstrumentedQueryBus({Ping: ping, "Other": ping}, telemetry=telemetry)
    commands = InstrumentedCommandBus({"Ping": ping}, telemetry=telemetry)
    projection = Handled("orders", telemetry=telemetry)
    for _ in range(2):
        message, beat = Ping(), Beat()
        assert queries.execute(message) == commands.dispatch(message) == [message]
        assert telemetry.instrument_queries(ping)(message) == [message]
        assert projection.handle_event(beat) is beat
        projection.handle_events([beat])
    with telemetry.query("Ping") as operation:
        assert list(operation.returned(row for row in [1])) == [1]
        operation.reject("x")
    recorded.assert_command("Inside", count=6)
    assert {s.name for s in recorded.spans()} == {"command.Inside"}
    assert {p.attributes["query.type"] for p in recorded.points(catalog.QUERY_TOTAL)} == {"Other"}
    assert recorded.points(catalog.PROJECTION_TOTAL) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_excluded_classes_have_whatever_names() -> None:
    """A class is excluded by what it is, also where a hook or a given name names it."""
    recorded = RecordedTelemetry(exclude=iter([Ping]), message_type=lambda m: "health.ping")
    with recorded.telemetry.query(Ping()):
        pass
    recorded.telemetry.instrument_queries(lambda q: q, name="Check")(Ping())
    InstrumentedQueryBus({Ping: bool}, telemetry=recorded.telemetry).execute(Ping())
    assert recorded.points(catalog.QUERY_TOTAL) == []
    InstrumentedQueryBus({Ping: bool}, telemetry=RecordedTelemetry(exclude=[Ping]).telemetry)


def test_a_rebuild_counts_excluded_events_as_well() -> None:
    """Or it would never be complete."""
    recorded = RecordedTelemetry(exclude=[Beat])
    projection = Handled("orders", telemetry=recorded.telemetry)
    with recorded.telemetry.rebuilding("orders", target=3) as rebuild:
        projection.handle_event(Beat())
        projection.handle_events([Beat(), Message()])
    assert rebuild.applied == 3


@pytest.mark.parametrize(("exclude", "wrong"), [("Ping", "'Ping'"), ([7], "7")])
def test_what_cannot_be_excluded_is_refused(exclude: Any, wrong: str) -> None:
    """One name for several is a mistake that is easily made."""
    with pytest.raises(TypeError, match=f"exclude must be names or classes of .*, not {wrong}"):
        CqrsTelemetry(exclude=exclude)
