"""Telemetry that stays in memory, and the smallest domain that exercises all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context

from cqrs_telemetry.testing import RecordedTelemetry


class OutOfStock(Exception):  # noqa: N818 - named as a domain would
    """An answer that the domain expects."""


@pytest.fixture
def recorded() -> RecordedTelemetry:
    """Telemetry on SDK providers of its own; OutOfStock is a rejection."""
    return RecordedTelemetry(rejections=[OutOfStock])


@pytest.fixture
def out_of_stock() -> type[Exception]:
    """The rejection that ``recorded`` knows."""
    return OutOfStock


@pytest.fixture(autouse=True)
def context_is_left_as_found(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test leaves a span current, and none detaches one in the wrong context."""
    before: Any = context.get_current()
    yield
    assert context.get_current() == before
    assert "different Context" not in caplog.text
