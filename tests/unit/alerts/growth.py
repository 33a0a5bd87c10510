"""Counters that go on, restart, begin and end, and what each grew by within five minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cqrs_alerts.promql import equals, select

from .conftest import InputSeries

STEP = 30  # seconds between two samples
BEGIN, END = 1800, 2100  # of the five minutes
AFTER = 2460  # by then those that ended have left no sample within five minutes

Samples = Callable[[int], "int | None"]  # value at a time; None where there is no sample


def within(begin: int, end: int, counted: Callable[[int], int]) -> Samples:
    """Samples from a time on, and before another."""
    return lambda at: counted(at) if begin <= at < end else None


def _restarted(at: int) -> int:
    """It has restarted before, too, and counted a lot until then."""
    steps = ((1500, 500), (1820, 30), (1850, 60), (1880, 0), (AFTER, 20))
    return next((value for until, value in steps if at < until), 20)


def _after_a_gap(at: int) -> int | None:
    if at < 1450:
        return 5
    return None if at < 1830 else 1000 if at < 1850 else 1030


# Per job: samples of a series, when its process began, and what it grew by.
CASES: dict[str, tuple[Samples, Samples, int]] = {
    "went on": (lambda at: 100 if at < 1815 else 130, lambda _: 0, 30),
    "stood still": (lambda _: 100, lambda _: 0, 0),
    # 30 before its restart, and 20 after it.
    "restarted": (_restarted, lambda _: 0, 50),
    # An exception that was not there before, in a process that runs for long.
    "new series": (within(1830, 9999, lambda _: 25), lambda _: 0, 25),
    # The same in a process that Prometheus has seen for half a minute.
    "young process": (within(1860, 9999, lambda _: 35), within(1830, 9999, lambda _: 0), 35),
    # What a process counted before Prometheus saw it, for the first time or again, may be old.
    "new process": (
        within(1830, 9999, lambda at: 1000 if at < 1850 else 1030),
        within(1830, 9999, lambda _: 0),
        30,
    ),
    "not scraped": (_after_a_gap, lambda at: _after_a_gap(at) and 0, 30),
    "ended": (within(0, 1850, lambda at: 7 if at < 1815 else 42), within(0, 1850, lambda _: 0), 35),
    "gone": (within(0, 1780, lambda _: 9), within(0, 1780, lambda _: 0), 0),
}
GROWTH = {job: growth for job, (_, _, growth) in CASES.items() if job != "gone"}
ALIVE = {job: 0 for job in GROWTH if job != "ended"}


def growing(name: str, labels: Mapping[str, str], others: Mapping[str, str]) -> InputSeries:
    """A series with these labels of each case, and one with other labels that stands still."""
    return list(_growing(name, labels, others))


def _growing(
    name: str, labels: Mapping[str, str], others: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    alive = "cqrs_telemetry_overflow_total"
    for job, (counted, lived, _) in CASES.items():
        process = {"job": job, "instance": "a"}
        yield _series(name, {**process, **labels}, counted)
        if others:
            yield _series(name, {**process, **others}, lambda at, lived=lived: lived(at))
        yield _series(alive, process, lived)
        # Each process has several, of which one may be later; another process is older.
        yield _series(alive, {**process, "cqrs_side": "read"}, within(1890, 9999, lambda _: 0))
        yield _series(alive, {**process, "instance": "b"}, lambda _: 0)


def _series(name: str, labels: Mapping[str, str], counted: Samples) -> dict[str, str]:
    samples = (counted(at) for at in range(0, AFTER + STEP, STEP))
    values = " ".join("_" if each is None else str(each) for each in samples)
    return {"series": select(name, [equals(*each) for each in labels.items()]), "values": values}
