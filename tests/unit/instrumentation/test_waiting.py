"""Read your writes: waiting until a projection shows what was written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from opentelemetry.context import attach, detach, set_value

from cqrs_telemetry import NotSeenError, catalog
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT


class FindOrder:
    """A query."""


def after(looks: int) -> Callable[[], bool]:
    """Seen at the given look."""
    left = iter(range(looks - 1))
    return lambda: next(left, None) is None


def waits(recorded: RecordedTelemetry, status: str) -> int:
    """Waits of the query that ended so."""
    return recorded.count(
        catalog.QUERY_WAIT, query_type="FindOrder", projection_name="orders", wait_status=status
    )


def test_it_looks_until_it_is_seen(recorded: RecordedTelemetry) -> None:
    """A poll that says no is asked again; the wait is recorded by query, projection and outcome."""
    assert (
        recorded.telemetry.wait_until_seen(FindOrder(), "orders", after(3), timeout=LIMIT) is True
    )
    assert (waits(recorded, "seen"), waits(recorded, "timed_out")) == (1, 0)
    assert recorded.value(catalog.QUERY_WAIT) > 0


def test_a_timeout_is_returned(recorded: RecordedTelemetry) -> None:
    """By default the query goes on and may say that its answer is old."""
    assert not recorded.telemetry.wait_until_seen(FindOrder, "orders", lambda: False, timeout=0.02)
    assert (waits(recorded, "seen"), waits(recorded, "timed_out")) == (0, 1)
    assert recorded.value(catalog.QUERY_WAIT) >= 20


def test_a_timeout_is_raised_where_it_is_required(recorded: RecordedTelemetry) -> None:
    """The error names the projection and the limit, and is a TimeoutError."""
    with pytest.raises(NotSeenError, match=r"'orders' did not show the write within 0\.01 s"):
        recorded.telemetry.wait_until_seen(
            "FindOrder", "orders", lambda: False, timeout=0.01, required=True
        )
    assert issubclass(NotSeenError, TimeoutError)
    assert waits(recorded, "timed_out") == 1


def test_zero_looks_once(recorded: RecordedTelemetry) -> None:
    """Without patience there is still one look."""
    wait = recorded.telemetry.wait_until_seen
    assert wait("FindOrder", "orders", after(1), timeout=0)
    assert not wait("FindOrder", "orders", after(2), timeout=0)
    with pytest.raises(ValueError, match="timeout must be 0 or more"):
        wait("FindOrder", "orders", after(1), timeout=-1)


def test_a_callable_that_waits_by_itself(recorded: RecordedTelemetry) -> None:
    """Stores that can wait raise TimeoutError, the builtin or their own."""

    def wait() -> bool:
        raise TimeoutError

    assert not recorded.telemetry.wait_until_seen("FindOrder", "orders", wait, timeout=LIMIT)
    assert waits(recorded, "timed_out") == 1


def test_an_error_of_the_store_passes(recorded: RecordedTelemetry) -> None:
    """It is neither seen nor timed out, and the business has to know."""
    failure = KeyError("store")

    def fail() -> bool:
        raise failure

    with pytest.raises(KeyError) as caught:
        recorded.telemetry.wait_until_seen("FindOrder", "orders", fail)
    assert caught.value is failure
    assert recorded.count(catalog.QUERY_WAIT) == 0


async def test_async(recorded: RecordedTelemetry) -> None:
    """Coroutine functions and what returns awaitables; the loop goes on meanwhile."""
    look = after(3)

    async def seen() -> bool:
        return look()

    wait = recorded.telemetry.wait_until_seen
    assert await wait(FindOrder, "orders", seen, timeout=LIMIT) is True
    look = after(3)
    assert await wait(FindOrder, "orders", lambda: seen(), timeout=LIMIT) is True
    assert waits(recorded, "seen") == 2


async def test_async_timeouts(recorded: RecordedTelemetry) -> None:
    """One look that never returns is given up at the limit."""

    async def hang() -> bool:
        await asyncio.sleep(60)
        return True

    async def no() -> bool:
        return False

    wait = recorded.telemetry.wait_until_seen
    assert await wait(FindOrder, "orders", hang, timeout=0.02) is False
    assert await wait(FindOrder, "orders", no, timeout=0.02) is False
    with pytest.raises(NotSeenError):
        await wait(FindOrder, "orders", no, timeout=0.01, required=True)
    assert waits(recorded, "timed_out") == 3


def test_suppressed_waits_wait_and_record_nothing(recorded: RecordedTelemetry) -> None:
    """As everything else that is suppressed."""
    token = attach(set_value("suppress_instrumentation", True))
    try:
        assert recorded.telemetry.wait_until_seen("FindOrder", "orders", after(2), timeout=LIMIT)
    finally:
        detach(token)
    assert recorded.count(catalog.QUERY_WAIT) == 0


def test_what_cannot_be_recorded_is_a_fault(recorded: RecordedTelemetry) -> None:
    """A histogram that raises does not reach the caller."""
    histograms = recorded.telemetry.queries.instruments.histograms
    histogram = histograms.pop(catalog.QUERY_WAIT)
    assert recorded.telemetry.wait_until_seen("FindOrder", "orders", after(1))
    histograms[catalog.QUERY_WAIT] = histogram
    assert recorded.value(catalog.TELEMETRY_FAULTS, cqrs_side="read", error_type="KeyError") == 1
