"""Ends of operations that wait until the SDK may be called again.

The SDK's locks are not reentrant. Python runs finalizers in any thread and signal handlers in the
main thread, between any two instructions, also while the SDK holds a lock in that thread. An
operation that ends there must not record its duration or end its span at once: the thread would
deadlock. The end is kept here and reported when the next operation begins or ends, or when
metrics are collected (docs/adr/0003-observable-counters.md).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import get_ident
from types import FrameType
from typing import Any

MOST_AT_ONCE = 16  # ends that one operation reports for others; a collection reports all

# Frames of what may hold a lock. Not opentelemetry.instrumentation: requests run inside it.
_LOCKING = ("opentelemetry.sdk", "opentelemetry.exporter")


class Ends:
    """What waits to be reported, of the operations that record to one set of instruments."""

    __slots__ = ("_collector", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], None]] = deque()  # append and popleft are atomic
        self._collector = 0  # thread of the last collection

    def restart(self) -> None:
        """Forget the parent's, in a forked child."""
        self.waiting.clear()
        in_sdk.clear()

    def report_waiting(self) -> None:
        """Report some of the ends that wait, unless this code interrupts the SDK."""
        if not interrupts_sdk():
            self.report()

    def report(self) -> None:
        """Report some of the ends that wait. Only for callers that do not interrupt the SDK."""
        me = get_ident()
        in_sdk[me] = None
        try:
            self._report(MOST_AT_ONCE)
        finally:
            leave_sdk(me, None)

    def run(self, function: Callable[..., None], *args: Any, **options: Any) -> None:
        """Call a function that may take a lock of the SDK: now, or later if this interrupts it."""
        self.waiting.append(partial(function, *args, **options))
        self.report_waiting()

    def collect(self) -> None:
        """Report all that waits: a collection begins in this thread."""
        me = get_ident()
        # Of one provider there is one collection at a time.
        if self._collector != me and in_sdk.get(self._collector) is self:
            leave_sdk(self._collector, None)
        self._collector = me
        in_sdk[me] = self
        self._report(len(self.waiting))  # not what comes meanwhile: that might have no end

    def _report(self, most: int) -> None:
        for _ in range(most):
            try:
                report = self.waiting.popleft()
            except IndexError:
                return
            with suppress(Exception):  # of the logger; nothing is left that could report it
                report()


# Threads that are in the SDK, of any provider: None while they report an operation, and since a
# collection began, for which.
in_sdk: dict[int, Ends | None] = {}
leave_sdk = in_sdk.pop


def interrupts_sdk() -> bool:
    """Whether this code runs in a thread that is in the SDK already."""
    me = get_ident()
    return me in in_sdk and must_wait(me)


def must_wait(me: int) -> bool:
    """Whether the current thread, of those in ``in_sdk``, is still there.

    The SDK does not say when a collection ends: the stack does.
    """
    if in_sdk.get(me) is None:
        return True
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_LOCKING):
            return True
        frame = frame.f_back
    leave_sdk(me, None)
    return False
