"""Outcomes: success, rejected, error, cancelled; exceptions pass through unaltered."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import pickle
import sys
import traceback
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from cqrs_telemetry import (
    InstrumentedCommandBus,
    InstrumentedQueryBus,
    NoHandlerError,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry

if sys.version_info >= (3, 11):
    GROUP: Any = BaseExceptionGroup  # noqa: F821 - of these versions
else:
    GROUP = importlib.import_module("exceptiongroup").BaseExceptionGroup


class PlaceOrder:
    """A command."""


def fail(failure: BaseException) -> Any:
    """A handler that raises."""

    def handler_that_raises(message: Any) -> Any:
        raise failure

    return handler_that_raises


CANCELLATIONS = [asyncio.CancelledError(), concurrent.futures.CancelledError(), GeneratorExit()]
ERRORS = [KeyError("x"), KeyboardInterrupt(), SystemExit(3), MemoryError()]


@pytest.mark.parametrize("failure", [*CANCELLATIONS, *ERRORS], ids=repr)
def test_exceptions_pass_through_with_identity_and_traceback(
    recorded: RecordedTelemetry, failure: BaseException
) -> None:
    """The caller gets the very object, with the frame that raised it and no cause added."""
    bus = InstrumentedCommandBus({PlaceOrder: fail(failure)}, telemetry=recorded.telemetry)
    with pytest.raises(type(failure)) as caught:
        bus.dispatch(PlaceOrder())
    assert caught.value is failure
    assert failure.__cause__ is None
    assert failure.__context__ is None
    frames = [frame.name for frame in traceback.extract_tb(failure.__traceback__)]
    assert frames[-1] == "handler_that_raises"


@pytest.mark.parametrize("failure", ERRORS, ids=repr)
def test_an_error_is_described_once(recorded: RecordedTelemetry, failure: BaseException) -> None:
    """Span status, one exception event, and the same error.type on span and metric."""
    bus = InstrumentedQueryBus({PlaceOrder: fail(failure)}, telemetry=recorded.telemetry)
    with pytest.raises(type(failure)):
        bus.execute(PlaceOrder())
    (span,) = recorded.spans()
    name = type(failure).__name__
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]
    attributes = span.attributes or {}
    assert attributes["error.type"] == name
    assert attributes["cqrs.query.status"] == "error"
    recorded.assert_query("PlaceOrder", "error")
    assert recorded.value(catalog.QUERY_TOTAL, error_type=name) == 1
    assert recorded.count(catalog.QUERY_DURATION, query_status="error") == 1


@pytest.mark.parametrize("failure", CANCELLATIONS, ids=repr)
def test_cancellation_is_an_outcome_of_its_own(
    recorded: RecordedTelemetry, failure: BaseException
) -> None:
    """A caller that went away is no failure of the system: no ERROR span, no exception event."""
    bus = InstrumentedCommandBus({PlaceOrder: fail(failure)}, telemetry=recorded.telemetry)
    with pytest.raises(type(failure)):
        bus.dispatch(PlaceOrder())
    recorded.assert_command("PlaceOrder", "cancelled")
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()
    assert (span.attributes or {})["cqrs.command.status"] == "cancelled"


def test_a_cancellation_of_trio_is_known_by_its_name(recorded: RecordedTelemetry) -> None:
    """Without importing trio."""
    cancelled = type("Cancelled", (BaseException,), {"__module__": "trio._core._exceptions"})()
    with pytest.raises(BaseException) as caught, recorded.telemetry.command("X"):  # noqa: PT011 - its class is made above
        raise cancelled
    assert caught.value is cancelled
    recorded.assert_command("X", "cancelled")


def test_a_rejection_is_not_an_error(
    recorded: RecordedTelemetry, out_of_stock: type[Exception]
) -> None:
    """The domain said no: counted apart, span unset, no exception event, but error.type."""
    rejection = out_of_stock("none left")
    bus = InstrumentedCommandBus({PlaceOrder: fail(rejection)}, telemetry=recorded.telemetry)
    with pytest.raises(out_of_stock) as caught:
        bus.dispatch(PlaceOrder())
    assert caught.value is rejection
    recorded.assert_command("PlaceOrder", "rejected")
    recorded.assert_command("PlaceOrder", "error", count=0)
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()
    assert (span.attributes or {})["error.type"] == "OutOfStock"
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="OutOfStock") == 1


def grouped(*leaves: BaseException) -> BaseException:
    """A group of them, as a task group raises it; on Python 3.10 its package's."""
    return GROUP("several", leaves)


class SoldOut(Exception):  # noqa: N818 - named as a domain would
    """Another answer that the domain expects."""


@pytest.mark.parametrize(
    ("make", "status", "error_type"),
    [
        (lambda no: grouped(no), "rejected", "OutOfStock"),
        (lambda no: grouped(SoldOut(), grouped(no, no)), "rejected", "SoldOut"),
        (lambda no: grouped(asyncio.CancelledError()), "cancelled", "CancelledError"),
        (lambda no: grouped(no, KeyError("x"), ValueError()), "error", "KeyError"),
        (lambda no: grouped(no, grouped(no, OSError()), KeyError()), "error", "OSError"),
        (lambda no: grouped(asyncio.CancelledError(), KeyError()), "error", "KeyError"),
        (lambda no: grouped(asyncio.CancelledError(), no), "error", "OutOfStock"),
    ],
    ids=range(7),
)
async def test_a_group_is_what_all_of_it_is(
    out_of_stock: type[Exception], make: Any, status: Any, error_type: str
) -> None:
    """Rejected or cancelled when all leaves are, else an error of the first error's type."""
    recorded = RecordedTelemetry(rejections=[out_of_stock, SoldOut])
    failure = make(out_of_stock())
    bus = InstrumentedCommandBus({PlaceOrder: fail(failure)}, telemetry=recorded.telemetry)
    with pytest.raises(type(failure)) as caught:
        bus.dispatch(PlaceOrder())
    assert caught.value is failure
    recorded.assert_command("PlaceOrder", status)
    assert recorded.value(catalog.COMMAND_TOTAL, error_type=error_type) == 1
    (span,) = recorded.spans()
    assert (span.attributes or {})["error.type"] == error_type
    assert (span.status.status_code is StatusCode.ERROR) is (status == "error")


def test_a_group_that_is_a_rejection_itself() -> None:
    """Whoever says so means the group, whatever is in it."""
    recorded = RecordedTelemetry(rejections=[GROUP])
    failure = grouped(KeyError("x"))
    with pytest.raises(GROUP), recorded.telemetry.command("PlaceOrder"):
        raise failure
    recorded.assert_command("PlaceOrder", "rejected")
    assert recorded.value(catalog.COMMAND_TOTAL, error_type=type(failure).__name__) == 1


class Mute(type):
    """A class of classes that answer nothing."""

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__name__", "__qualname__", "__module__"):
            raise LookupError(name)
        return super().__getattribute__(name)


class MuteError(Exception, metaclass=Mute):
    """An error whose name cannot be asked for."""


def test_an_error_without_a_name_counts(recorded: RecordedTelemetry) -> None:
    """By the name that it has all the same, singly and in a group."""
    for failure in (MuteError(), grouped(MuteError())):
        with pytest.raises(Exception) as caught, recorded.telemetry.query("X"):  # noqa: PT011 - matching asks for the name
            raise failure
        assert caught.value is failure
    recorded.assert_query("X", "error", count=2)
    assert recorded.value(catalog.QUERY_TOTAL, error_type="MuteError") == 2
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    assert all(span.status.status_code is StatusCode.ERROR for span in recorded.spans())


def test_a_group_that_does_not_give_its_errors(recorded: RecordedTelemetry) -> None:
    """It is an error; why it is no more is a fault."""

    class Closed(GROUP):  # type: ignore[misc,valid-type]
        @property
        def exceptions(self) -> Any:
            raise LookupError

    with pytest.raises(Closed), recorded.telemetry.command("X"):
        raise Closed("several", [KeyError()])
    recorded.assert_command("X", "error")
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="LookupError") >= 1


def test_a_subclass_of_a_rejection_is_one(
    recorded: RecordedTelemetry, out_of_stock: type[Exception]
) -> None:
    """isinstance, as in an except clause."""
    narrow = type("SoldOut", (out_of_stock,), {})
    with pytest.raises(narrow), recorded.telemetry.command("X"):
        raise narrow
    recorded.assert_command("X", "rejected")


@pytest.mark.parametrize(("reason", "error_type"), [("OutOfStock", "OutOfStock"), ("", "rejected")])
def test_a_rejection_can_be_a_value(
    recorded: RecordedTelemetry, reason: str, error_type: str
) -> None:
    """reject() is for domains that answer with a result instead of an exception."""
    with recorded.telemetry.command("X") as operation:
        operation.reject(reason)
    recorded.assert_command("X", "rejected")
    assert recorded.value(catalog.COMMAND_TOTAL, error_type=error_type) == 1


def test_an_exception_after_a_rejection_wins(recorded: RecordedTelemetry) -> None:
    """What really ended the operation is its outcome."""

    def handle() -> None:
        with recorded.telemetry.command("X") as operation:
            operation.reject("OutOfStock")
            raise KeyError

    with pytest.raises(KeyError):
        handle()
    recorded.assert_command("X", "error")


def test_success_has_no_error_type(recorded: RecordedTelemetry) -> None:
    """Semantic conventions: error.type is there on failure only."""
    with recorded.telemetry.command("X"):
        pass
    assert "error.type" not in (recorded.spans()[0].attributes or {})
    points = recorded.points(catalog.COMMAND_TOTAL, command_status="success")
    assert all("error.type" not in point.attributes for point in points)


def described(recorded: RecordedTelemetry) -> dict[str, list[str]]:
    """Types of the exceptions that each span describes, by span name."""
    return {
        span.name: [str((event.attributes or {})["exception.type"]) for event in span.events]
        for span in recorded.spans()
    }


def test_an_exception_that_passes_several_operations_is_described_once(
    recorded: RecordedTelemetry,
) -> None:
    """The innermost span has the stack; those around it only fail, with the same error.type."""
    telemetry = recorded.telemetry
    with (
        pytest.raises(KeyError),
        telemetry.command("Outer"),
        telemetry.projection("orders", "Placed"),
        telemetry.query("Inner"),
    ):
        raise KeyError("x")
    assert described(recorded) == {
        "query.Inner": ["KeyError"],
        "projection.orders": [],
        "command.Outer": [],
    }
    for span in recorded.spans():
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "KeyError"


def test_another_exception_is_described_by_its_own_operation(recorded: RecordedTelemetry) -> None:
    """Each attempt of a retry, and what the outer operation raises in the end."""

    def attempt(command: Any) -> None:
        for _ in range(2):
            with pytest.raises(KeyError), recorded.telemetry.query("Inner"):
                raise KeyError("x")
        raise ValueError("gave up")

    bus = InstrumentedCommandBus({PlaceOrder: attempt}, telemetry=recorded.telemetry)
    with pytest.raises(ValueError, match="gave up"):
        bus.dispatch(PlaceOrder())
    found = [
        [(event.attributes or {})["exception.type"] for event in span.events]
        for span in recorded.spans()
    ]
    assert found == [["KeyError"], ["KeyError"], ["ValueError"]]


async def test_an_exception_out_of_a_task_is_described_once(recorded: RecordedTelemetry) -> None:
    """Tasks that a handler starts know the operation around them."""

    async def inner() -> None:
        with recorded.telemetry.query("Inner"):
            await asyncio.sleep(0)
            raise KeyError("x")

    async def outer(command: Any) -> None:
        await asyncio.gather(inner())

    bus = InstrumentedCommandBus({PlaceOrder: outer}, telemetry=recorded.telemetry)
    with pytest.raises(KeyError):
        await bus.dispatch(PlaceOrder())
    assert described(recorded) == {"query.Inner": ["KeyError"], "command.PlaceOrder": []}


class NoRouteError(NoHandlerError):
    """A user's own kind."""


@pytest.mark.parametrize(
    ("rejections", "status"),
    [
        ([ValueError], "error"),
        ([ValueError, NoHandlerError], "rejected"),
        ([ValueError, NoRouteError], "rejected"),
    ],
    ids=["its base class", "itself", "its own class"],
)
def test_a_missing_handler_is_no_answer_of_the_domain(rejections: Any, status: Any) -> None:
    """It is rejected only where it is named itself, and not with every ValueError."""
    recorded = RecordedTelemetry(rejections=rejections)

    def dispatch(_command: object) -> None:
        raise NoRouteError("PlaceOrder", "No handler found")

    with pytest.raises(NoRouteError):
        recorded.telemetry.instrument_commands(dispatch)(PlaceOrder())
    recorded.assert_command("PlaceOrder", status)


def test_no_handler_error_survives_pickling() -> None:
    """It may cross to another process, as through a process pool."""
    error = NoHandlerError("No handler for X", "No handler found")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
    assert (str(copy), copy.description) == ("No handler for X", "No handler found")


def test_an_exception_class_without_a_name_is_an_error_all_the_same(
    recorded: RecordedTelemetry,
) -> None:
    """Classes made at run time may be called anything."""
    nameless = type("", (Exception,), {})
    with pytest.raises(nameless), recorded.telemetry.command("X"):
        raise nameless
    recorded.assert_command("X", "error")
    recorded.assert_command("X", count=0)
