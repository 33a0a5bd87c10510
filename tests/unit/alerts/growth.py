"""Counters that go on, restart, begin and end, and what each grew by within five minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cqrs_alerts.promql import equals, select

from .conftest import InputSeries

STEP = 20  # seconds between two samples
BEGIN, LAST = 1780, 2080  # the last sample before the five minutes, and in them
END = 2100  # when it is evaluated: samples count after ten seconds
AFTER = 2460  # by then those that ended have left no sample within five minutes

Samples = Callable[[int], int | None]  # value at a time; None where there is no sample


def within(begin: int, end: int, counted: Callable[[int], int]) -> Samples:
    """Samples from a time on, and before another."""
    return lambda at: counted(at) if begin <= at < end else None


def _steps(*steps: tuple[int, int]) -> Callable[[int], int]:
    """Values, each from a time on."""
    return lambda at: [value for begin, value in steps if begin <= at][-1]


def _lived(begin: int = 0, end: int = 9999) -> Samples:
    return within(begin, end, lambda _: 0)


def _not_scraped(begin: int, end: int, counted: Callable[[int], int]) -> Samples:
    return lambda at: None if begin <= at < end else counted(at)


# Per job: samples of a series, those of its process, and what it grew by. It grows with the last
# sample before the five minutes as well, which does not count, and with the last one in them.
CASES: dict[str, tuple[Samples, Samples, float]] = {
    "went on": (
        _steps((0, 500), (1000, 100), (BEGIN, 102), (1820, 130), (LAST, 133)),
        _lived(),
        31,
    ),
    "stood still": (lambda _: 100, _lived(), 0),
    # 30 before its restart, and 23 after it. It has restarted before, too.
    "restarted": (
        _steps((0, 500), (1500, 30), (BEGIN, 32), (1820, 62), (1860, 0), (1880, 20), (LAST, 23)),
        _lived(),
        53,
    ),
    "restarted before": (_steps((0, 500), (BEGIN, 40), (1900, 70)), _lived(), 30),
    "restarted just now": (_steps((0, 100), (BEGIN, 102), (LAST, 5)), _lived(), 5),
    # A burst, then a crash, then one more: above what it had been when the five minutes began.
    "restarted after a burst": (_steps((0, 0), (1820, 1000), (1860, 1)), _lived(), 1001),
    # 95, of which none came before; passed just now what it had been before its restart.
    "restarted and passed": (
        _steps((0, 500), (1400, 32), (1820, 62), (1860, 0), (1900, 60), (LAST, 65)),
        _lived(),
        95 * 30 / 29,
    ),
    # 98, of which 10 came before, each extrapolated over a missing interval.
    "restarted twice": (
        _steps(
            (0, 500),
            (1100, 90),
            (1700, 100),
            (1820, 130),
            (1860, 20),
            (1920, 50),
            (1940, 5),
            (LAST, 8),
        ),
        _lived(),
        98 * 30 / 29 - 10 * 15 / 14,
    ),
    # An exception that was not there before, in a process that runs for long.
    "new series": (within(1840, 9999, _steps((0, 25), (LAST, 28))), _lived(), 28),
    # The same in a process that Prometheus has seen for half a minute.
    "young process": (within(1860, 9999, _steps((0, 35), (LAST, 38))), _lived(1840), 38),
    # What a process counted before Prometheus saw it, for the first time or again, may be old.
    "new process": (
        within(1840, 9999, _steps((0, 1000), (1860, 1030), (LAST, 1033))),
        _lived(1840),
        33,
    ),
    "just seen": (within(LAST, 9999, lambda _: 1000), _lived(LAST), 0),
    "not scraped": (
        _not_scraped(1460, 1840, _steps((0, 5), (1840, 1000), (1860, 1030), (LAST, 1033))),
        _not_scraped(1460, 1840, lambda _: 0),
        33,
    ),
    "not scraped, and restarted": (
        _not_scraped(1460, 1840, _steps((0, 40), (1840, 60), (1860, 10))),
        _not_scraped(1460, 1840, lambda _: 0),
        0,
    ),
    "ended": (within(0, 1850, _steps((0, 7), (BEGIN, 9), (1820, 44))), _lived(0, 1850), 35),
    "gone": (within(0, 1770, lambda _: 9), _lived(0, 1770), 0),
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
            yield _series(name, {**process, **others}, lived)
        yield _series(alive, process, lived)
        # Each process has several, of which one may be later; another process is older.
        later = {**process, "cqrs_side": "read"}
        yield _series(alive, later, lambda at, lived=lived: None if at < 1900 else lived(at))
        yield _series(alive, {**process, "instance": "b"}, _lived())


def _series(name: str, labels: Mapping[str, str], counted: Samples) -> dict[str, str]:
    samples = (counted(at) for at in range(0, AFTER + STEP, STEP))
    values = " ".join("_" if each is None else str(each) for each in samples)
    return {"series": select(name, [equals(*each) for each in labels.items()]), "values": values}
