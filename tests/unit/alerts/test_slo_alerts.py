"""What alerts on budgets say of the promise that they are about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cqrs_alerts import slo
from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.config import Config
from cqrs_alerts.exemption_settings import Exemption
from cqrs_alerts.objective_settings import (
    AvailabilityObjectives,
    LatencyObjectives,
    Objectives,
    OwnAvailability,
    OwnLatency,
    OwnTime,
    TimeObjectives,
    promise,
)
from cqrs_alerts.promql import equals, select
from cqrs_alerts.setting_types import Labels

from .conftest import Evaluate, needed_rules

ALERT = next(each for each in ALERTS if each.name == "CqrsCommandLatencyBurn")


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (AvailabilityObjectives(objective=0.999), "99.9 %"),
        (AvailabilityObjectives(objective=0.57), "57 %"),
        (OwnAvailability(type="A", objective=0.99995), "99.995 %"),
        (LatencyObjectives(objective=0.9, within_ms=2500), "90 % within 2500 ms"),
        (OwnLatency(type="A", objective=0.99, within_ms=0.5), "99 % within 0.5 ms"),
        (TimeObjectives(objective=0.99), "99 % of the time"),
        (OwnTime(type="A", objective=0.5), "50 % of the time"),
    ],
)
def test_a_promise_in_words(objective: Objectives | OwnAvailability, words: str) -> None:
    """Shares in per cent and without float noise; times in the unit of the settings."""
    assert promise(objective) == words


@pytest.mark.servers
def test_each_type_is_told_what_it_was_promised(evaluate: Evaluate) -> None:
    """A type with an objective of its own, whatever its name, reads that one."""
    config, own = Config(), {'Im"port': "95 % within 2500 ms", "Slow": "94 % within 5000 ms"}
    latency = replace(
        config.slos.command_latency,
        types=(
            OwnLatency(type='Im"port', objective=0.95, within_ms=2500),
            OwnLatency(type="Slow", objective=0.94, within_ms=5000),
        ),
    )
    config = replace(config, slos=replace(config.slos, command_latency=latency))
    fast = config.slos.burn_rates[0]

    def series(kind: str | None) -> list[dict[str, str]]:
        labels = [equals("job", "shop"), equals("slo", "command_latency")]
        labels += [equals("command_type", kind)] if kind else []
        return [
            {"series": select(name, labels), "values": f"{value}x20"}
            for name, value in (
                (slo.burn_rate(fast.long), 20),
                (slo.burn_rate(fast.short), 20),
                (slo.events(fast.long), 500),
            )
        ]

    def fires(kind: str | None) -> dict[str, object]:
        words = own[kind] if kind else "99 % within 1000 ms"
        where = f"job shop, command_type {kind}" if kind else "job shop"
        return {
            "exp_labels": {
                "job": "shop", "slo": "command_latency", "severity": "critical", "side": "write",
                "long_window": fast.long, "short_window": fast.short,
                **({"command_type": kind} if kind else {}),
            },
            "exp_annotations": {
                "summary": ALERT.summary,
                "description": "The error budget for commands handled in time burns 20.0 times as "
                f"fast as it may; promised are {words} ({where}).",
                "dashboard_url": f"{config.dashboard_base_url}/d/cqrs-slos?from=now-3600s&to=now"
                "&var-job=shop&var-slo=command_latency",
            },
        }  # fmt: skip

    kinds = (None, *own)
    evaluate(
        config,
        [
            {
                "input_series": [line for kind in kinds for line in series(kind)],
                "alert_rule_test": [
                    {
                        "alertname": ALERT.name,
                        "eval_time": "5m",
                        "exp_alerts": [fires(kind) for kind in kinds],
                    }
                ],
            }
        ],
        needed_rules(config, ALERT.name),
    )


@pytest.mark.servers
@pytest.mark.parametrize(
    ("labels", "firing"),
    [
        ({"job": "shop"}, []),
        ({"job": "another"}, [None, "Slow"]),
        ({"job": "shop", "slo": "command_latency", "command_type": "Slow"}, [None]),
    ],
    ids=["the service", "another service", "one type"],
)
def test_a_type_with_its_own_objective_can_be_exempt(
    labels: dict[str, str], firing: list[str | None], evaluate: Evaluate
) -> None:
    """By the service all of an objective is silent, by a type that one alone."""
    exemption = Exemption(
        alerts=("command_latency",), labels=Labels(labels.items()), reason="planned"
    )
    latency = replace(
        Config().slos.command_latency,
        types=(OwnLatency(type="Slow", objective=0.94, within_ms=5000),),
    )
    config = Config(exemptions=(exemption,), slos=replace(Config().slos, command_latency=latency))
    fast = config.slos.burn_rates[0]
    series = [
        {
            "series": select(
                name,
                [
                    equals("job", "shop"),
                    equals("slo", "command_latency"),
                    *([equals("command_type", kind)] if kind else []),
                ],
            ),
            "values": f"{value}x20",
        }
        for kind in (None, "Slow")
        for name, value in (
            (slo.burn_rate(fast.long), 20),
            (slo.burn_rate(fast.short), 20),
            (slo.events(fast.long), 500),
        )
    ]
    fires = select("ALERTS", [equals("alertname", ALERT.name), equals("alertstate", "firing")])
    samples = [
        {"labels": f'{{command_type="{kind}"}}' if kind else "{}", "value": 1} for kind in firing
    ]
    check = {
        "expr": f"count by (command_type) ({fires})", "eval_time": "5m", "exp_samples": samples,
    }  # fmt: skip
    evaluate(
        config,
        [{"input_series": series, "promql_expr_test": [check]}],
        needed_rules(config, ALERT.name),
    )
