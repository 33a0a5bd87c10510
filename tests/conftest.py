"""What tests of several folders need.

Each fixture imports what it needs when it is first asked for: tests of one distribution run where
only that one is installed (``tests/contract/test_areas.py``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from demos import RunningDemo

pytest_plugins = ["failures"]

# Servers, promtool and Chromium are found on PATH alone.
os.environ["PATH"] = f"{Path(__file__).parents[1] / '.tools/bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Promtool; its absence is a failure, because what it judges would go untested."""
    from cqrs_alerts.promtool import PromtoolMissingError, find_promtool

    try:
        return find_promtool()
    except PromtoolMissingError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def start_demo(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningDemo]]:
    """Starts demos in data folders of their own, and ends those that still run."""
    import demos

    started: list[RunningDemo] = []

    def start(*arguments: str) -> RunningDemo:
        started.append(demos.start_demo(tmp_path_factory.mktemp("demo"), *arguments))
        return started[-1]

    yield start
    for demo in started:
        demo.end()
