"""What tests of several folders need."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqrs_alerts.promtool import PromtoolMissingError, find_promtool


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Promtool; its absence is a failure, because what it judges would go untested."""
    try:
        return find_promtool()
    except PromtoolMissingError as error:
        pytest.fail(str(error))
