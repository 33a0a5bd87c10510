"""Waits with a deadline, which tell what they waited for and what they saw last.

``tests/contract/test_deadlines.py`` holds every test to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, TypeVar

import pytest

LIMIT = 300.0  # seconds: far above what a slow or busy machine needs for one thing
PERIOD = 0.05  # seconds between two looks

T = TypeVar("T")


def wait_for(
    what: str,
    condition: Callable[[], T],
    *,
    saw: Callable[[], object] | None = None,
    limit: float = LIMIT,
    period: float = PERIOD,
) -> T:
    """The first true value of a condition; fails the test when there is none in time.

    Args:
        what: What is waited for, as it reads after "no … after 300 s".
        condition: Looked at every ``period`` seconds.
        saw: What to show of the last look; by default the condition's own value.
        limit: Seconds until the wait fails.
        period: Seconds between two looks.
    """
    end = time.monotonic() + limit
    while not (found := condition()):
        if time.monotonic() > end:
            last = saw() if saw else found
            pytest.fail(f"no {what} after {limit:g} s; saw last: {last}", pytrace=False)
        time.sleep(period)
    return found


def read_line(stream: IO[Any], what: str, *, limit: float = LIMIT) -> Any:
    """The next line of a process's output; fails the test when none comes in time."""
    lines = Queue[Any]()
    Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        return lines.get(timeout=limit)
    except Empty:
        pytest.fail(f"no {what} in the output after {limit:g} s", pytrace=False)
