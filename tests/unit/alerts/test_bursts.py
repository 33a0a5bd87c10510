"""Objectives count each event once: bursts of any length and phase, in every window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cqrs_alerts import slo, slo_rules
from cqrs_alerts.config import Config
from cqrs_alerts.promql import duration, duration_seconds, equals, select
from cqrs_alerts.slo_settings import BurnRate, Slos

from .conftest import Evaluate, needed_rules
from .growth import END, GROWTH, STEP, growing

CONFIG = Config()
WINDOWS = slo.windows(CONFIG)
BEGIN = 3600  # seconds before the first burst: a multiple of each step, and of five minutes
BAD = 180
LATE = 10  # seconds until a sample counts
PHASES = (0, 7, 45, 60, 149, 180, 285, 299)  # seconds after a multiple of five minutes
LENGTHS = (1, 20, 270, 2400)


def rules() -> dict[str, str]:
    """What counts the bad events of a window, and all that it reads."""
    return needed_rules(CONFIG, *map(slo.bad_events, WINDOWS))


def counter(labels: Mapping[str, str], counted: Callable[[int], int | None], times: range) -> Any:
    """A counter of commands by its value at each time; None is a sample that is not there."""
    every = {"job": "shop", "instance": "a", "command_type": "PlaceOrder", **labels}
    series = select("cqrs_command_total", [equals(*each) for each in every.items()])
    values = ("_" if (value := counted(at)) is None else str(value) for at in times)
    return {"series": series, "values": " ".join(values)}


def bad_events(window: str, at: float, expected: Mapping[str, float]) -> dict[str, Any]:
    """What a window has to count at a time, by job."""
    chosen = [equals("slo", slo.COMMAND_AVAILABILITY.name)]
    return {
        "expr": f"sum by (job) ({select(slo.bad_events(window), chosen)})",
        "eval_time": duration(at),
        "exp_samples": [
            {"labels": select("", [equals("job", job)]), "value": number}
            for job, number in expected.items()
        ],
    }


@pytest.mark.servers
@pytest.mark.parametrize(("scrape", "evaluation"), [(15, 15), (15, 60), (30, 30), (60, 60)])
def test_a_burst_counts_once_in_every_window(
    scrape: int, evaluation: int, evaluate: Evaluate
) -> None:
    """To the event, from the next evaluation on, whatever its length and whenever it begins."""
    times = range(0, BEGIN + 300 + max(LENGTHS) + 4 * 3600, scrape)
    bursts = {
        f"{length} s at {phase} s": (BEGIN + phase, length)
        for phase in PHASES
        for length in LENGTHS
    }
    series = [
        counter({"job": job, "command_status": status}, counted, times)
        for job, (begin, length) in bursts.items()
        for status, counted in {
            "success": lambda at: 10 * at // 60,
            "error": lambda at, begin=begin, length=length: (
                BAD * min(max(at - begin, 0), length) // length
            ),
        }.items()
    ]
    checks = []
    for window in WINDOWS:
        seconds = duration_seconds(window)
        for job, (begin, length) in bursts.items():
            seen = -(-(begin + length) // scrape) * scrape  # its last event is scraped
            first = -(-(seen + LATE) // evaluation) * evaluation
            if first - begin < seconds:
                only = bad_events(window, first, {job: BAD})
                chosen = select(
                    slo.bad_events(window),
                    [equals("slo", slo.COMMAND_AVAILABILITY.name), equals("job", job)],
                )
                checks.append({**only, "expr": f"sum by (job) ({chosen})"})
        # All of them later on: still there, or gone.
        later = BEGIN + 300 + max(LENGTHS) + 3 * 3600
        kept = BAD if seconds > 4 * 3600 else 0
        checks.append(bad_events(window, later, dict.fromkeys(bursts, kept)))
    tests = [{"interval": f"{scrape}s", "input_series": series, "promql_expr_test": checks}]
    evaluate(CONFIG, tests, rules(), f"{evaluation}s")


@pytest.mark.servers
def test_what_processes_begin_and_end_with_counts(evaluate: Evaluate) -> None:
    """A restart, a new series, a new process and an end lose nothing that was scraped."""
    labels = {"command_type": "PlaceOrder", "command_status": "error"}
    series = growing("cqrs_command_total", labels, {})
    checks = [bad_events("5m", END, GROWTH)]
    tests = [{"interval": f"{STEP}s", "input_series": series, "promql_expr_test": checks}]
    evaluate(CONFIG, tests, rules(), f"{END}s")


Multiples = st.integers(1, 100_000)


def as_window(multiple: int) -> str:
    """A window of so many times five minutes."""
    return duration(multiple * 300)


@given(st.lists(Multiples, min_size=2, max_size=7, unique=True))
@example([1, 8640])  # five minutes and 30 days
@example([1, 105_120])  # a year
def test_a_window_is_made_of_shorter_ones_without_gap(multiples: list[int]) -> None:
    """Each part begins where the one before it ends, and there are few of them."""
    *shorter, period = map(as_window, sorted(multiples))
    rates = tuple(
        BurnRate(factor=1 + n, long=period, short=short, for_="1m", severity="warning")
        for n, short in enumerate(shorter)
    )
    config = Config(slos=Slos(period=period, burn_rates=rates))
    counted = slo_rules.counted_windows(config)
    assert set(slo.windows(config)) <= set(counted)
    for index, window in enumerate(counted[1:], 1):
        covered = 0.0
        parts = list(slo_rules.parts(window, counted[:index]))
        for part, ago in parts:
            assert ago == covered
            covered += duration_seconds(part)
        assert covered == duration_seconds(window)
        assert len(parts) < 60
