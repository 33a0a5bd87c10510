"""When an event was created: every form is the same moment, and what is none is refused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from cqrs_telemetry import Backlog, InstrumentedProjectionHandler, catalog
from cqrs_telemetry import _timestamps as timestamps
from cqrs_telemetry._timestamps import EARLIEST, LATEST, age, creation_time
from cqrs_telemetry.testing import RecordedTelemetry

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=timezone.utc)
SECONDS = MOMENT.timestamp()
DAY = 86_400


@dataclass
class OrderPlaced:
    """A domain event."""

    timestamp: Any


class Orders(InstrumentedProjectionHandler):
    """A read model that nobody reads."""

    def apply(self, event: Any) -> None:
        """Nothing to do."""


@pytest.mark.parametrize(
    "stamp",
    [
        SECONDS, int(SECONDS * 1000), SECONDS * 1000, int(SECONDS * 10**6), int(SECONDS * 10**9),
        SECONDS * 1e9, Decimal(str(SECONDS)), str(SECONDS), str(int(SECONDS * 1000)),
        str(int(SECONDS * 1000)).encode(),
        MOMENT, MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))),
        "2026-03-01T12:30:15.250Z", "2026-03-01T12:30:15.25z", "2026-03-01T12:30:15,250",
        "2026-03-01T12:30:15.2500000Z", "2026-03-01T12:30:15.250000000+00:00",
        "2026-03-01 12:30:15.250", "2026-03-01T18:00:15.250+05:30", "2026-03-01T18:00:15.250+0530",
        "2026-03-01T12:30:15.250+00", "2026-03-01T12:30:15.250-00:00:00",
        "20260301T123015.250Z", "20260301T123015,25", "20260301T180015.250+0530",
        "2026-03-01T07:30:15.250-05", "2026-W09-7T12:30:15.250", "2026W097T123015.250Z",
    ],
    ids=repr,
)  # fmt: skip
def test_every_form_is_the_same_moment(monkeypatch: pytest.MonkeyPatch, stamp: Any) -> None:
    """Numbers in any unit, datetimes (naive is UTC) and ISO text; on every Python."""
    monkeypatch.setattr(timestamps, "monotonic_ns", lambda: 0)  # for one second it is such a number
    assert creation_time(OrderPlaced(stamp)) == pytest.approx(SECONDS, abs=1e-3, rel=0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1)),
        ("20260301", datetime(2026, 3, 1)),
        ("2026-W09", datetime(2026, 2, 23)),
        ("2026-03-01T12", datetime(2026, 3, 1, 12)),
        ("2026-03-01T1230", datetime(2026, 3, 1, 12, 30)),
        ("2026-03-01T12:30+01", datetime(2026, 3, 1, 11, 30)),
        ("2026-03-01T12:30:15.1234567", datetime(2026, 3, 1, 12, 30, 15, 123456)),
        ("2026-03-01T12:30:15+00:00:30", datetime(2026, 3, 1, 12, 29, 45)),
    ],
)
def test_shorter_texts(text: str, moment: datetime) -> None:
    """What is left out is 0; digits after the sixth are cut."""
    expected = moment.replace(tzinfo=timezone.utc).timestamp()
    assert creation_time(OrderPlaced(text)) == pytest.approx(expected, abs=1e-6, rel=0)


@pytest.mark.parametrize(
    "stamp",
    [
        0, 0.0, 1, True, False, -1, -SECONDS, EARLIEST - 1, LATEST, 46_082.5, SECONDS * 100,
        SECONDS * 1e12, 639_079_338_152_500_000, float("nan"), float("inf"), float("-inf"),
        10**400, Decimal("NaN"), time.monotonic, time.monotonic_ns, time.perf_counter,
        datetime(1, 1, 1), datetime(9999, 12, 31, tzinfo=timezone.utc), datetime(1970, 1, 1),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), date(2026, 3, 1),
        timedelta(seconds=SECONDS), "yesterday", "", "0", "12:30", "0001-01-01T00:00:00",
        "9999-12-31T23:59:59Z", "2026-13-01", "2026-02-30T00:00:00", "2026-03-01T25:00", "2026-W54",
        "2026-03-01T12:30:15+25:00", "17", [], {}, object(), b"2026", b"",
    ],
)  # fmt: skip
def test_what_is_no_creation_time_is_a_fault(recorded: RecordedTelemetry, stamp: Any) -> None:
    """The event is applied and counted; it has no lag, neither of 0 nor of 50 years."""
    if callable(stamp):
        stamp = stamp()  # now, since old values of a clock are other numbers
    Orders("orders", telemetry=recorded.telemetry).handle_event(OrderPlaced(stamp))
    recorded.assert_projected("orders", "OrderPlaced")
    assert recorded.points(catalog.PROJECTION_LAG) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS, cqrs_side="projection") == 1
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW) == 0


@pytest.mark.parametrize("days", [12, 15, 18, 20])
def test_a_monotonic_clock_is_refused_after_any_uptime(
    monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """Its nanoseconds look like microseconds since 1970 then; real ones are taken all the same."""
    uptime = days * DAY * 10**9
    monkeypatch.setattr(timestamps, "monotonic_ns", lambda: uptime)
    with pytest.raises(ValueError, match="is no time between 2000 and 2100 in seconds, ms, µs or"):
        creation_time(OrderPlaced(uptime - 10**8))
    monkeypatch.setattr(timestamps, "monotonic_ns", lambda: int(time.time() * 10**6) + 1)
    now = int(time.time() * 10**6)
    assert creation_time(OrderPlaced(now)) == now / 10**6


def test_up_to_a_day_ahead_is_skew_and_more_is_a_fault(recorded: RecordedTelemetry) -> None:
    """Local time that is taken for UTC is hours ahead; days are another mistake."""
    orders = Orders("orders", telemetry=recorded.telemetry)
    orders.handle_event(OrderPlaced(time.time() + DAY / 2))
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW) == 1
    orders.handle_event(OrderPlaced(time.time() + DAY * 3))
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW) == 1
    assert recorded.count(catalog.PROJECTION_LAG) == 1
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="ValueError") == 1
    with pytest.raises(ValueError, match=r"is 3 days ahead of this clock"):
        age(time.time() + DAY * 3)


def test_a_backlogs_oldest_follows_the_same_rule(recorded: RecordedTelemetry) -> None:
    """Milliseconds are recognised; what is no creation time makes the backlog unknown."""
    watch = recorded.telemetry.watch_projection
    with (
        watch("orders", lambda: Backlog(1, (time.time() - 60) * 1000)),
        watch("stock", lambda: Backlog(1, 12.5)),
    ):
        (found,) = recorded.points(catalog.PROJECTION_STALENESS)
    assert found.attributes["projection.name"] == "orders"
    assert 60_000 <= found.value < 120_000
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="ValueError") == 1
