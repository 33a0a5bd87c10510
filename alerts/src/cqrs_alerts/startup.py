"""How the commands start: what they import is left out of garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import without looking for garbage: there is none, and the search takes a fifth of a run.

    What was imported is not looked at later either, what comes then is collected as ever
    (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.disable()
    yield
    gc.freeze()
    gc.enable()
