"""What an exception says about the operation that it ended: the one place that decides outcomes."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from typing import Any

from . import catalog
from ._names import error_name
from .catalog import Status

_CANCELLATIONS = (
    ("asyncio", "CancelledError"),
    ("concurrent.futures", "CancelledError"),
    ("greenlet", "GreenletExit"),
)


class NoHandlerError(ValueError):
    """A bus was given a message that it has no handler for."""

    def __init__(self, message: str, description: str = "No handler") -> None:
        super().__init__(message)
        self.description = description


def find_outcome(
    exception: BaseException, rejections: tuple[type[BaseException], ...]
) -> tuple[Status, str]:
    """The outcome that an exception stands for, and the name of the type to record.

    A group is rejected or cancelled when all exceptions in it are, and otherwise an error, of the
    type of the first error in it.
    """
    first: dict[Status, BaseException] = {}
    for leaf in _leaves(exception, rejections):
        first.setdefault(_classify(leaf, rejections), leaf)
    for status in (catalog.ERROR, catalog.REJECTED, catalog.CANCELLED):
        if status in first:
            return status if len(first) == 1 else catalog.ERROR, error_name(first[status])
    return catalog.ERROR, error_name(exception)  # an empty group, which none of Python's is


def _leaves(
    exception: BaseException, rejections: tuple[type[BaseException], ...]
) -> Iterator[BaseException]:
    # Python 3.10 has no groups, but a package of them.
    package: Any = sys.modules.get("exceptiongroup", builtins)
    group: Any = getattr(builtins, "BaseExceptionGroup", getattr(package, "BaseExceptionGroup", ()))
    left: list[Any] = [exception]
    while left:
        each = left.pop()
        if isinstance(each, group) and not isinstance(each, rejections):
            left.extend(reversed(each.exceptions))
        else:
            yield each


def _classify(exception: BaseException, rejections: tuple[type[BaseException], ...]) -> Status:
    if isinstance(exception, NoHandlerError):
        # A ValueError, which a domain may reject with; a missing handler is none of its answers.
        rejections = tuple(each for each in rejections if issubclass(each, NoHandlerError))
    if isinstance(exception, rejections):
        return catalog.REJECTED
    return catalog.CANCELLED if is_cancellation(exception) else catalog.ERROR


def is_from_finalizer(exception: BaseException | None) -> bool:
    """Whether a finalizer may have thrown an exception into a suspended coroutine or generator."""
    greenlet_exit: Any = getattr(sys.modules.get("greenlet"), "GreenletExit", GeneratorExit)
    while exception is not None:  # what cleanup raises instead has it as its context
        if isinstance(exception, GeneratorExit | greenlet_exit):
            return True
        exception = exception.__context__
    return False


def is_cancellation(exception: BaseException) -> bool:
    """Whether an exception means that the caller went away."""
    if isinstance(exception, GeneratorExit):
        return True
    # Who raises theirs has imported them; importing asyncio takes longer than all of this package.
    for module, name in _CANCELLATIONS:
        if isinstance(exception, getattr(sys.modules.get(module), name, ())):
            return True
    name = error_name(exception)
    return name == "Cancelled" and type(exception).__module__.startswith("trio")
