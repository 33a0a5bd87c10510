"""What stats say of series that stand for one situation each, evaluated by promtool."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqrs_alerts import projection_state, recording
from cqrs_alerts.config import Config
from cqrs_alerts.promtool import find_promtool
from cqrs_dashboards.projection_states import idle_now
from cqrs_dashboards.queries import Queries
from waits import LIMIT

HOUR = 3600
AT = 2 * HOUR  # seconds; promtool's clock starts at 0
LABELS = '{job="shop", projection_name="orders"}'


def idle_expression() -> str:
    """The query of the stat, with all services chosen."""
    (target,) = idle_now(Queries(Config(), ())).targets
    return target.expression.replace("$job", ".+")


def evaluate(tmp_path: Path, expression: str, series: dict[str, str], value: float | None) -> str:
    """What promtool says against ``value``; empty when it is right. Samples are a minute apart."""
    expected = [] if value is None else [{"labels": "{}", "value": value}]
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": expression, "eval_time": f"{AT}s", "exp_samples": expected},
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))
    done = subprocess.run(
        [find_promtool(), "test", "rules", file],
        capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


def backlog(pending: str, *, oldest: str = "", last: str = "") -> dict[str, str]:
    """Series of one projection: events that wait, age of the oldest in ms, last success."""
    found = {
        recording.PENDING.name: pending,
        recording.STALENESS.name: oldest,
        projection_state.LAST_SUCCESS: last,
    }
    return {f"{name}{LABELS}": values for name, values in found.items() if values}


NOTHING_WAITS, WAITS = "0x120", "3x120"


@pytest.mark.parametrize(
    ("series", "value"),
    [
        pytest.param(backlog(NOTHING_WAITS, oldest="0x120", last="60x120"), 0, id="idle"),
        pytest.param(
            backlog("0x119 1", oldest="0x119 400", last="60x120"), 0.4, id="first-after-hours"
        ),
        pytest.param(
            backlog(WAITS, oldest="0+60000x120", last="5x120"), AT - 5, id="dead-for-two-hours"
        ),
        pytest.param(
            backlog(WAITS, oldest="9000000x120", last=f"0+60x119 {AT - 2}"), 2, id="behind-and-busy"
        ),
        pytest.param(backlog(WAITS, oldest="0+60000x120"), AT, id="never-applied"),
        pytest.param(backlog("0x119 3", oldest="0x119 9e9"), 0, id="about-to-begin"),
        pytest.param(backlog(WAITS, last="5x120"), AT - 5, id="age-unknown"),
        pytest.param(backlog(WAITS), None, id="nothing-known"),
        pytest.param(backlog(WAITS, last=f"{AT + 900}x120"), 0, id="clock-ahead"),
        pytest.param({}, None, id="unwatched"),
    ],
)
def test_nothing_applied_for(tmp_path: Path, series: dict[str, str], value: float | None) -> None:
    """It counts while events wait, from the first of them on; what is not known is not 0."""
    assert evaluate(tmp_path, idle_expression(), series, value) == ""


def test_of_several_projections_the_longest_counts(tmp_path: Path) -> None:
    """One that is idle hides none that is dead."""
    dead = backlog(WAITS, oldest="0+60000x120", last="5x120")
    idle = {
        name.replace("orders", "stock"): values
        for name, values in backlog(NOTHING_WAITS, oldest="0x120", last="60x120").items()
    }
    assert evaluate(tmp_path, idle_expression(), {**dead, **idle}, AT - 5) == ""
