"""What a projection has still to do, asked of its stores by whoever is alive to ask.

The projection's own metrics fall silent when it dies. A probe does not: it is evaluated when
metrics are collected, in any process that reaches the stores.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach

from . import catalog
from ._calls import is_awaitable
from ._cells import Level
from ._context import suppressed
from ._timestamps import age, creation_time

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from ._recorder import Recorder

TIMEOUT = 5.0  # seconds; half of what Prometheus gives a scrape


@dataclass(frozen=True)
class Backlog:
    """Events that a projection has to apply and has not.

    Args:
        pending: How many there are; 0 when it is caught up. A probe may stop counting somewhere.
        oldest: When the oldest of them was recorded: seconds since 1970, a datetime (naive is UTC)
            or ISO 8601 text; None when that is unknown.
    """

    pending: int
    oldest: float | datetime | str | None = None


Probe = Callable[[], Backlog | Awaitable[Backlog | None] | None]
"""Says how far behind a projection is; None when that cannot be told."""

_oldest = attrgetter("oldest")


class ProjectionWatch:
    """A projection under watch until ``close``; a context manager."""

    def __init__(self, recorder: Recorder, name: str, probe: Probe, timeout: float) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"a projection's name is text and not empty, not {name!r}")
        if not callable(probe):
            raise TypeError(f"probe of {name!r} must be callable, not {type(probe).__name__}")
        if not timeout > 0:
            raise ValueError(f"timeout must be a positive number of seconds, not {timeout!r}")
        self.name = name
        self.timeout = timeout
        self._recorder = recorder
        self._probe = probe
        self._loop = _running_loop()
        self._is_late = False
        self._is_closed = False
        instruments = recorder.instruments
        attributes = recorder.name_attributes(name)
        attributes = instruments.fold(catalog.PROJECTION_PENDING, attributes)
        self._pending = self._staleness = Level(attributes)
        # Projections whose names fold have no backlog in common: absent is better than wrong.
        if attributes[catalog.PROJECTION_NAME.key] != catalog.OTHER_TYPE:
            gauges = instruments.gauges
            self._pending = gauges[catalog.PROJECTION_PENDING].cell(attributes)
            self._staleness = gauges[catalog.PROJECTION_STALENESS].cell(attributes)
        self._run: _Run | None = None
        instruments.watches.add(self)

    def close(self) -> None:
        """Stop watching: the projection's gauges are absent from now on. Once more does nothing.

        Waits for a probe that runs, up to its time limit, so that what it uses may be closed next.
        An async probe of the loop that this is called in is not waited for: it needs that loop.
        """
        self._is_closed = True
        self._recorder.instruments.watches.remove(self)
        run = self._run
        if run is not None and (self._loop is None or self._loop is not _running_loop()):
            run.done.wait(self.timeout)
        self.forget()

    def __enter__(self) -> ProjectionWatch:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to ask, unless the last question has no answer yet: a probe that hangs is one."""
        run = self._run
        # Waiting in the very loop that has to answer would be in vain, and stop the service: there
        # the answer is the one to the collection before.
        self._is_late = self._loop is not None and self._loop is _running_loop()
        if run is not None and not run.done.is_set():
            return
        if self._is_late and run is not None:
            self._settle(run)
        # Who closes this meanwhile finds the run and waits for it, or is seen here.
        self._run = run = _Run(self._probe, self._loop, self.timeout)
        if self._is_closed:
            run.done.set()
        else:
            run.start()

    def finish(self, deadline: float) -> None:
        """Take the answer; without one in time, without a sound one or after an error: unknown."""
        run = self._run
        if run is None or self._is_late or self._is_closed:
            return
        run.done.wait(max(0.0, deadline - monotonic()))
        self._settle(run)

    def _settle(self, run: _Run) -> None:
        try:
            if not run.done.is_set():
                raise TimeoutError(f"probe of {self.name!r} took longer than {self.timeout} s")
            self._take(run.answer())
        except Exception as fault:
            self.forget()
            self._recorder.count_fault(fault)

    def forget(self) -> None:
        """Nothing is known."""
        self._pending.value = self._staleness.value = None

    def _take(self, backlog: Backlog | None) -> None:
        if backlog is None:
            self.forget()
            return
        if not isinstance(backlog, Backlog):
            kind = type(backlog).__name__
            raise TypeError(f"probe of {self.name!r} must return a Backlog or None, not {kind}")
        pending = backlog.pending
        if not isinstance(pending, int) or isinstance(pending, bool) or pending < 0:
            raise ValueError(f"probe of {self.name!r}: pending must be 0 or more, not {pending!r}")
        oldest = creation_time(backlog, _oldest) if pending else None
        staleness = None if oldest is None else max(0.0, age(oldest)) * 1000
        self._pending.value = pending
        self._staleness.value = staleness if pending else 0.0


class _Run:
    """One evaluation of a probe, in a thread of its own."""

    def __init__(self, probe: Probe, loop: AbstractEventLoop | None, timeout: float) -> None:
        self.done = threading.Event()
        self._probe = probe
        self._loop = loop
        self._timeout = timeout
        self._result: Any = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        # A daemon: what hangs in a driver must not keep the process from its end.
        threading.Thread(target=self._evaluate, name="cqrs-probe", daemon=True).start()

    def answer(self) -> Any:
        """What the probe returned.

        Raises:
            Exception: what it raised.
        """
        if isinstance(self._error, Exception):
            raise self._error
        if self._error is not None:
            raise RuntimeError(f"probe ended with {self._error!r}") from self._error
        return self._result

    def _evaluate(self) -> None:
        attach(suppressed())  # a scrape is no trace of the business
        try:
            result: Any = self._probe()
            self._result = self._await(result) if is_awaitable(result) else result
        except BaseException as error:  # anything; collection goes on
            self._error = error
        finally:
            self.done.set()

    def _await(self, awaitable: Awaitable[Any]) -> Any:
        import asyncio  # whoever has an awaitable has imported it

        async def answer() -> Any:
            attach(suppressed())
            return await awaitable

        # A pool of connections belongs to the loop that it was made in.
        if self._loop is not None and self._loop.is_running():
            future = asyncio.run_coroutine_threadsafe(answer(), self._loop)
            try:
                return future.result(self._timeout)
            finally:
                future.cancel()  # what is late, or belongs to a loop that has stopped
        return asyncio.run(answer())


def _running_loop() -> AbstractEventLoop | None:
    asyncio = sys.modules.get("asyncio")  # importing it takes longer than all of this package
    try:
        return asyncio.get_running_loop() if asyncio else None
    except RuntimeError:
        return None
