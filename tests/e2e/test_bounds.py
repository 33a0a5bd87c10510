"""A demo stays within the disk that it may use."""

from __future__ import annotations

import pytest

from waits import LIMIT

pytestmark = pytest.mark.servers


def test_a_demo_that_reaches_its_limit_ends_and_leaves_nothing_running(start_demo):
    """With status 1, the size and the option; every part has ended."""
    demo = start_demo("--max-data=0.001")
    assert demo.process.wait(LIMIT) == 1
    assert f"{demo.data} holds 0.00" in demo.output()
    assert "more than 0.001 GB; raise --max-data" in demo.output()
    assert demo.survivors(demo.state()["pids"]) == []
