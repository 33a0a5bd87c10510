"""What an exception says about the operation that it ended."""

from __future__ import annotations

import sys
from typing import Any

_CANCELLATIONS = (
    ("asyncio", "CancelledError"),
    ("concurrent.futures", "CancelledError"),
    ("greenlet", "GreenletExit"),
)


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
    cls = type(exception)
    return cls.__name__ == "Cancelled" and cls.__module__.startswith("trio")
