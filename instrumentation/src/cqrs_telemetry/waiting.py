"""Read your writes: wait until a projection shows what the caller has just written."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current

from . import catalog
from ._calls import is_awaitable, is_coroutine_function
from ._context import is_suppressed

if TYPE_CHECKING:
    from ._recorder import Recorder

FIRST_PAUSE = 0.01  # seconds between two looks; it doubles up to the longest
LONGEST_PAUSE = 0.2


class NotSeenError(TimeoutError):
    """The projection did not show the write in time."""


class Wait:
    """One wait: its time limit, and where it is recorded."""

    def __init__(
        self,
        queries: Recorder,
        projections: Recorder,
        query: Any,
        projection: str,
        timeout: float,
        required: bool,
    ) -> None:
        if not timeout >= 0:
            raise ValueError(f"timeout must be 0 or more seconds, not {timeout!r}")
        self._queries = queries
        self._projections = projections
        self._query = query
        self._projection = projection
        self._required = required
        self._timeout = timeout
        self._started = time.perf_counter()
        self._pause = FIRST_PAUSE

    def run(self, seen: Callable[[], Any]) -> Any:
        """Look until it is seen or time is up; an awaitable when ``seen`` is async."""
        if is_coroutine_function(seen):
            return self._run_async(seen, None)
        while True:
            try:
                answer = seen()
            except TimeoutError:
                return self._end(False)
            if is_awaitable(answer):
                return self._run_async(seen, answer)
            if answer or self._is_over():
                return self._end(bool(answer))
            time.sleep(self._next_pause())

    async def _run_async(self, seen: Callable[[], Any], first: Awaitable[Any] | None) -> bool:
        from asyncio import TimeoutError as AsyncTimeoutError  # another class on Python 3.10
        from asyncio import sleep, wait_for

        while True:
            remaining = max(0.0, self._remaining())
            try:
                # One look is allowed with no time at all.
                look = first if first is not None else seen()
                answer = await wait_for(look, remaining if self._timeout else None)
            except (TimeoutError, AsyncTimeoutError):
                return self._end(False)
            first = None
            if answer or self._is_over():
                return self._end(bool(answer))
            await sleep(self._next_pause())

    def _remaining(self) -> float:
        return self._timeout - (time.perf_counter() - self._started)

    def _is_over(self) -> bool:
        return self._remaining() <= 0

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return max(0.0, min(pause, self._remaining()))

    def _end(self, seen: bool) -> bool:
        self._record(seen)
        if self._required and not seen:
            raise NotSeenError(
                f"projection {self._projection!r} did not show the write within {self._timeout} s"
            )
        return seen

    def _record(self, seen: bool) -> None:
        elapsed = (time.perf_counter() - self._started) * 1000
        queries, projections = self._queries, self._projections
        try:
            if is_suppressed(get_current()):
                return
            name = projections.name_attributes(self._projection)[catalog.PROJECTION_NAME.key]
            attributes = {
                **queries.name_attributes(queries.names.find(self._query)),
                catalog.PROJECTION_NAME.key: name,
                catalog.WAIT_STATUS.key: catalog.SEEN if seen else catalog.TIMED_OUT,
            }
            histogram = queries.instruments.histograms[catalog.QUERY_WAIT]
            folded = queries.instruments.fold(catalog.QUERY_WAIT, attributes)
            queries.ends.run(histogram.record, elapsed, folded, get_current())
        except Exception as fault:
            queries.count_fault(fault)
