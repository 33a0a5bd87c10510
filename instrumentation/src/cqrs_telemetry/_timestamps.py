"""When an event was created, from whatever says so, and how long ago that is.

One rule for all forms: a creation time is between 2000 and 2100, and no more than a day ahead of
this machine's clock. Numbers are seconds, milliseconds, microseconds or nanoseconds since 1970:
one of these at most is in that range. Everything else is an error, never a lag of 0 or of 50 years.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timezone
from time import monotonic_ns, time
from typing import Any

Timestamp = Callable[[Any], Any]
"""Takes the creation time out of an event: a number since 1970 (in s, ms, µs or ns), a datetime
(naive is UTC) or ISO 8601 text."""

EARLIEST = 946_684_800.0  # 2000, in seconds
LATEST = 4_102_444_800.0  # 2100
_UNITS = (1, 10**3, 10**6, 10**9)  # in a second
_AHEAD = 86_400.0  # seconds by which clocks of two machines may differ
_FRESH = 10**9  # nanoseconds of a monotonic clock within which an event is handled

# Python 3.10 knows fewer forms than 3.11, and no Python the suffix z.
_ISO = re.compile(
    r"""(?P<year>\d{4})-?
    (?: (?P<month>\d\d)-?(?P<day>\d\d) | W(?P<week>\d\d)(?:-?(?P<weekday>\d))? )
    (?: \D (?P<hour>\d\d)
        (?: :?(?P<minute>\d\d)(?: :?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))? )? )?
        (?: [zZ] |
            (?P<sign>[+-])(?P<hours>\d\d)(?: :?(?P<minutes>\d\d)(?: :?(?P<seconds>\d\d))? )? )?
    )?""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\d{9,}(\.\d+)?")  # longer than a date


class UntimedEventError(Exception):
    """An event does not say when it was created, so that its projection's lag is not known."""


def creation_time(event: Any, timestamp: Timestamp | None = None) -> float | None:
    """When an event was created, in seconds since 1970; None when it does not say.

    Raises:
        TypeError, ValueError: the event's timestamp is of no form that is known, or out of range.
    """
    created = timestamp(event) if timestamp else getattr(event, "timestamp", None)
    if type(created) is float and EARLIEST <= created < LATEST:
        return created
    if created is None:
        return None
    if isinstance(created, str):
        created = _read(created)
    if isinstance(created, datetime):
        # A naive time in a stored event is UTC by convention, never this machine's local time.
        created = created if created.tzinfo else created.replace(tzinfo=timezone.utc)
        seconds = created.timestamp()
        if EARLIEST <= seconds < LATEST:
            return seconds
        raise ValueError(f"timestamp {created} is not between 2000 and 2100")
    return _scale(created)


def age(created: float) -> float:
    """Seconds since then; negative where another machine's clock is ahead.

    Raises:
        ValueError: it is more than a day ahead.
    """
    seconds = time() - created
    if seconds < -_AHEAD:
        raise ValueError(f"timestamp {created} is {-seconds / _AHEAD:.0f} days ahead of this clock")
    return seconds


def _scale(number: Any) -> float:
    """Seconds, of a number in the one unit in which it is in range."""
    value = float(number)
    for unit in _UNITS:
        seconds = value / unit
        if EARLIEST <= seconds < LATEST:
            # After days of uptime a monotonic clock's ns look like µs since 1970.
            if unit > 1 and 0 <= monotonic_ns() - value < _FRESH and time() - seconds > _AHEAD:
                break
            return seconds
    raise ValueError(
        f"timestamp {number!r} is no time between 2000 and 2100 in seconds, ms, µs or ns since 1970"
    )


def _read(text: str) -> datetime | float:
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        found = _ISO.fullmatch(text)
        if not found:
            raise
    part = found.groupdict("00")
    if found["week"]:
        day = date.fromisocalendar(int(part["year"]), int(part["week"]), int(found["weekday"] or 1))
    else:
        day = date(int(part["year"]), int(part["month"]), int(part["day"]))
    sign = found["sign"] or "+"
    return datetime.fromisoformat(
        f"{day}T{part['hour']}:{part['minute']}:{part['second']}.{part['fraction']:0<6.6}"
        f"{sign}{part['hours']}:{part['minutes']}:{part['seconds']}"  # +00:00 is UTC, as no zone is
    )
