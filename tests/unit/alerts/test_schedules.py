"""Hours of the week in a time zone, asked of PromQL and of Python's own time zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cqrs_alerts.config import Config
from cqrs_alerts.schedules import LOCAL_TIME, local_time, read_hours, within

from .conftest import Evaluate

MONDAY = datetime(2026, 11, 30, tzinfo=timezone.utc)
ZONES = ("Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
HOURS = {
    "Mon-Fri 07:00-19:00": [(day, 7, 19) for day in range(5)],
    "22:00-06:00": [*((day, 22, 24) for day in range(7)), *((day, 0, 6) for day in range(7))],
    "Fri 22:00-06:00": [(4, 22, 24), (5, 0, 6)],
    "Sat-Mon 00:00-24:00": [(5, 0, 24), (6, 0, 24), (0, 0, 24)],
    "Wed 12:30-13:00": [(2, 12.5, 13)],
    "00:00-24:00": [(day, 0, 24) for day in range(7)],
}


def asked(expression: str, at: datetime, value: float) -> dict[str, Any]:
    """What promtool has to find at a time of our century."""
    return {
        "expr": expression,
        "eval_time": f"{at.timestamp():.0f}s",
        "exp_samples": [{"labels": "{}", "value": value}],
    }


def evaluated(evaluate: Evaluate, tests: list[Mapping[str, Any]]) -> None:
    """Ask promtool; no rule is evaluated on the way to the present."""
    evaluate(Config(), [{"promql_expr_test": tests}], {}, "36500d")


def half_hours(days: int) -> Iterator[datetime]:
    """Times in a week, and a little before and after each."""
    for n in range(days * 48):
        for second in (-1, 0, 1):
            yield MONDAY + timedelta(minutes=30 * n, seconds=second)


@pytest.mark.servers
@pytest.mark.parametrize("text", HOURS)
def test_hours_of_the_week(text: str, evaluate: Evaluate) -> None:
    """PromQL says 1 within the hours and 0 outside, to the second, all week."""
    tests: list[Mapping[str, Any]] = []
    for at in half_hours(8):
        hour = at.hour + at.minute / 60
        expected = any(at.weekday() == d and a <= hour < b for d, a, b in HOURS[text])
        tests.append(asked(f"{within([text], 'UTC')} > bool 0", at, float(expected)))
    evaluated(evaluate, tests)


@pytest.mark.servers
@pytest.mark.parametrize("zone", ZONES)
def test_local_time(zone: str, evaluate: Evaluate) -> None:
    """It changes with the clocks of the zone, in every year to come, to the second."""
    times = [
        datetime(2025, 1, 1, tzinfo=timezone.utc) + timedelta(hours=11 * n) for n in range(400)
    ]
    for day in range(16 * 365):
        at = datetime(2025, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)
        for hours in range(24) if offset(zone, at) != offset(zone, at + timedelta(days=1)) else ():
            times += [at + timedelta(hours=hours, seconds=second) for second in (-1, 0, 1)]
    tests = [asked(f"{local_time(zone)} - time()", at, offset(zone, at)) for at in times]
    evaluated(evaluate, tests)


def offset(zone: str, at: datetime) -> float:
    """Seconds ahead of UTC, as Python has it."""
    ahead = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert ahead is not None
    return ahead.total_seconds()


def test_hours_in_another_zone_ask_for_its_recorded_time() -> None:
    """The many changes of a clock are in one rule, and not in each alert."""
    expression = within(["08:00-12:00"], "Europe/Vienna")
    assert expression.count(f'{LOCAL_TIME}{{time_zone="Europe/Vienna"}}') == 4
    assert "time()" not in expression


@pytest.mark.parametrize(
    "text",
    ["", "Mon", "7:00-19:00", "Mon-Fri 7-19", "mon 07:00-19:00", "Mon,Tue 07:00-19:00",
     "07:00-24:30", "25:00-26:00", "24:00-24:00", "Mon 07:00-19:00 ", "Mon - Fri 07:00-19:00"],
)  # fmt: skip
def test_what_is_no_hours_is_refused(text: str) -> None:
    """The error shows how to write them."""
    with pytest.raises(ValueError, match="such as Mon-Fri 07:00-19:00"):
        read_hours(text)


def test_hours_have_a_length() -> None:
    """From seven to seven may be none or all: it has to be told which."""
    with pytest.raises(ValueError, match="the whole day is 00:00-24:00"):
        read_hours("07:00-07:00")
