"""The state of a projection in every situation that positions alone cannot tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cqrs_alerts import projection_state as state
from cqrs_alerts import rebuilds
from cqrs_alerts.config import Config
from cqrs_alerts.naming import label_name, series_name
from cqrs_alerts.promql import equals, select
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .alert_cases.facts import NOW, PROJECTOR, Saying, samples
from .conftest import Evaluate, InputSeries, needed_rules, rule_name

pytestmark = pytest.mark.servers

CONFIG = Config(scrape_interval="15s")
PER_MINUTE = 4  # samples, at that interval

LATE = 45_000  # milliseconds; 30 000 are promised
WRITER = "writer"


@dataclass(frozen=True)
class Facts:
    """What processes say of a projection: its watcher, and itself in one instance or more."""

    pending: Saying = ()
    staleness: Saying = ()
    handlers: Saying = ()
    success: Saying = ()
    error: Saying = ()
    rebuilding: Saying = ()
    watcher_alive: Saying = ((60, 0),)
    projector_alive: Saying = ((60, 0),)
    watcher: str = WRITER
    projector: str = PROJECTOR
    instance: str = "a"
    name: str = "orders"
    ahead: float = 0  # seconds by which the projector's clock is

    def series(self, config: Config = CONFIG) -> InputSeries:
        """As promtool reads them."""
        by_status = [(self.success, catalog.SUCCESS), (self.error, catalog.ERROR)]
        return [
            line
            for lines in (
                self._line(catalog.PROJECTION_PENDING, self.watcher, self.pending, config),
                self._line(catalog.PROJECTION_STALENESS, self.watcher, self.staleness, config),
                self._line(catalog.PROJECTION_HANDLERS, self.projector, self.handlers, config),
                self._line(catalog.PROJECTION_REBUILDING, self.projector, self.rebuilding, config),
                *(
                    self._line(
                        catalog.PROJECTION_LAST_EVENT,
                        self.projector,
                        phases,
                        config,
                        {label_name(catalog.PROJECTION_STATUS, config.naming): status},
                    )
                    for phases, status in by_status
                ),
                self._alive(self.watcher, self.watcher_alive, config),
                self._alive(self.projector, self.projector_alive, config)
                if self.projector != self.watcher
                else [],
            )
            for line in lines
        ]

    def _line(
        self,
        metric: Metric,
        job: str,
        phases: Saying,
        config: Config,
        own: Mapping[str, str] | None = None,
    ) -> InputSeries:
        labels = {
            "job": job,
            "instance": self.instance,
            label_name(catalog.PROJECTION_NAME, config.naming): self.name,
            **(own or {}),
        }
        return self._series(metric, labels, phases, config) if phases else []

    def _alive(self, job: str, phases: Saying, config: Config) -> InputSeries:
        labels = {"job": job, "instance": f"any of {job}"}
        return self._series(catalog.TELEMETRY_OVERFLOW, labels, phases, config)

    def _series(
        self, metric: Metric, labels: Mapping[str, str], phases: Saying, config: Config
    ) -> InputSeries:
        name = series_name(metric, config.naming)
        series = select(name, [equals(key, each) for key, each in labels.items()])
        return [{"series": series, "values": samples(phases, PER_MINUTE, self.ahead)}]


CALM: Any = ((60, 0),)
RUNS: Any = ((60, 1),)
APPLIES: Any = ((60, NOW),)
OURS = {"job": WRITER, "projection_name": "orders"}
ALONE = {"job": PROJECTOR, "projection_name": "orders"}

Expected = tuple[str, Mapping[str, str], str | None]  # when, labels, which state


@dataclass(frozen=True)
class Situation:
    """What processes say, and the state that follows, at times in minutes and seconds."""

    facts: Sequence[Facts]
    states: Mapping[str, str | None]  # None: there is no series
    labels: Mapping[str, str]


def watched(states: Mapping[str, str | None], *facts: Facts) -> Situation:
    """The writer watches it."""
    return Situation(facts, states, OURS)


BREAKS_AT_10 = ((10, 0), (50, (1, 60)))  # a minute adds 60 events
STALE_FROM_10 = ((10, 0), (50, (0, 60_000)))

SITUATIONS: dict[str, Situation] = {
    "filtered and caught up: nothing that it has to apply waits, though the head is far": watched(
        {"1m": "ok", "10m": "ok", "50m": "ok"},
        Facts(pending=CALM, staleness=CALM, handlers=RUNS, success=((5, NOW), (55, 300))),
    ),
    "the head is frozen: nothing happens for an hour": watched(
        {"30s": "ok", "50m": "ok"}, Facts(pending=CALM, staleness=CALM, handlers=RUNS)
    ),
    "busy: some event is always on its way": watched(
        {"1m": "ok", "10m": "ok", "50m": "ok"},
        Facts(pending=((60, 3),), staleness=((60, 40),), handlers=RUNS, success=APPLIES),
    ),
    "a poison event killed the thread": watched(
        {"9m45s": "ok", "10m15s": "failed", "11m": "failed", "50m": "failed"},
        Facts(
            pending=BREAKS_AT_10, staleness=STALE_FROM_10, handlers=RUNS,
            success=((10, NOW), (50, 590)), error=((10, None), (50, 600)),
        ),
    ),
    "it fails from the first event on": watched(
        {"30s": "failed", "5m": "failed"},
        Facts(pending=((60, 9),), staleness=((60, 9),), handlers=RUNS, error=((60, 1),)),
    ),
    "it failed once and goes on": watched(
        {"10m": "failed", "10m30s": "ok", "50m": "ok"},
        Facts(
            pending=((60, 2),), staleness=((60, 9),), handlers=RUNS,
            success=((10, NOW), (0.25, 585), (49.75, NOW)), error=((10, None), (50, 600)),
        ),
    ),
    "it failed on an event that it left out, and waits for the next": watched(
        {"10m": "ok", "50m": "ok"},
        Facts(
            pending=CALM, staleness=CALM, handlers=RUNS,
            success=((60, 500),), error=((10, None), (50, 600)),
        ),
    ),
    "a notification was lost: threads live, nothing fails": watched(
        {"9m45s": "ok", "11m45s": "lagging", "12m": "stalled", "13m": "stalled", "50m": "stalled"},
        Facts(
            pending=BREAKS_AT_10, staleness=STALE_FROM_10, handlers=RUNS,
            success=((10, NOW), (50, 585)),
        ),
    ),
    "it stalls once more, after a success": watched(
        {"13m": "stalled", "20m30s": "lagging", "22m30s": "stalled"},
        Facts(
            pending=BREAKS_AT_10, staleness=STALE_FROM_10, handlers=RUNS,
            success=((10, NOW), (10, 585), (40, 1200)),
        ),
    ),
    "the process was killed: its scrapes fail": watched(
        {"9m45s": "ok", "10m15s": "stopped", "50m": "stopped"},
        Facts(
            pending=BREAKS_AT_10, staleness=STALE_FROM_10, handlers=((10, 1), (50, None)),
            success=((10, NOW), (50, None)), projector_alive=((10, 0), (50, None)),
        ),
    ),
    "one of two instances was killed": watched(
        {"9m45s": "ok", "10m15s": "ok", "50m": "ok"},
        Facts(
            pending=((60, 1),), staleness=((60, 5),), handlers=((10, 1), (50, None)),
            success=((10, NOW), (50, None)),
        ),
        Facts(handlers=RUNS, success=APPLIES, instance="b"),
    ),
    "of two instances one fails, the other goes on": watched(
        {"9m45s": "ok", "10m30s": "ok", "30m": "lagging"},
        Facts(
            pending=((60, 3),), staleness=STALE_FROM_10, handlers=RUNS,
            success=((10, NOW), (50, 585)), error=((10, None), (50, 600)),
        ),
        Facts(handlers=RUNS, success=APPLIES, instance="b"),
    ),
    "the instance that last had success is gone, and the other failed before": watched(
        {"9m45s": "ok", "10m30s": "ok"},
        Facts(
            pending=((60, 1),), staleness=((60, 5),), handlers=((10, 1), (50, None)),
            success=((10, NOW), (50, None)),
        ),
        Facts(handlers=RUNS, success=((60, 10),), error=((60, 20),), instance="b"),
    ),
    "handlers of a living process are gone": watched(
        {"9m45s": "ok", "10m15s": "stopped"},
        Facts(pending=CALM, staleness=CALM, handlers=((10, 1), (50, 0)), success=APPLIES),
    ),
    "a deployment: a minute without it": watched(
        {"9m45s": "ok", "10m30s": "stopped", "11m15s": "ok", "11m45s": "ok", "30m": "ok"},
        Facts(
            pending=((10, 0), (1, (1, 60)), (0.25, 20), (48.75, 0)),
            staleness=((10, 0), (1, 9), (0.25, 9), (48.75, 0)),
            handlers=((10, 1), (1, None), (49, 1)),
            success=((10, NOW), (1.25, None), (48.75, NOW)),
            projector_alive=((10, 0), (1, None), (49, 0)),
        ),
    ),
    "the database is locked: the probe fails": watched(
        {"9m45s": "ok", "10m15s": "unknown", "15m": "unknown", "20m15s": "ok"},
        Facts(
            pending=((10, 0), (10, None), (40, 0)), staleness=((10, 0), (10, None), (40, 0)),
            handlers=RUNS, success=((10, NOW), (10, 585), (40, NOW)), error=((60, 20),),
        ),
    ),
    "the probe never worked, and nothing is known": Situation(
        [Facts(handlers=RUNS)], {"1m": "unknown", "50m": "unknown"}, ALONE
    ),
    "the watcher is gone": watched(
        {"9m45s": "ok", "10m30s": "unknown", "50m": "unknown"},
        Facts(
            pending=((10, 0), (50, None)), staleness=((10, 0), (50, None)),
            watcher_alive=((10, 0), (50, None)), handlers=RUNS, success=APPLIES,
        ),
    ),
    "watcher and projection are one process, and it is killed": Situation(
        [
            Facts(
                pending=((10, 0), (50, None)), staleness=((10, 0), (50, None)),
                watcher_alive=((10, 0), (50, None)), handlers=((10, 1), (50, None)),
                success=((10, NOW), (50, None)), watcher="shop", projector="shop",
            )
        ],
        {"9m45s": "ok", "11m": "unknown", "50m": "unknown"},
        {**OURS, "job": "shop"},
    ),
    "watcher and projection are in one job, and the projection is killed": Situation(
        [
            Facts(
                pending=BREAKS_AT_10, staleness=STALE_FROM_10, handlers=((10, 1), (50, None)),
                success=((10, NOW), (50, None)), watcher="shop", projector="shop",
            )
        ],
        {"9m45s": "ok", "10m15s": "stopped", "50m": "stopped"},
        {**OURS, "job": "shop"},
    ),
    "retired on purpose, with its watch": watched(
        {"9m45s": "ok", "11m": "stopped", "58m": "stopped"},
        Facts(
            pending=((10, 0), (50, None)), staleness=((10, 0), (50, None)),
            handlers=((10, 1), (50, None)), success=((10, NOW), (50, None)),
            projector_alive=((10, 0), (50, None)),
        ),
    ),
    "slow, but it progresses": watched(
        {"10m": "lagging", "30m": "lagging", "50m": "lagging"},
        Facts(
            pending=((60, (100, 5)),), staleness=((60, (LATE, 6000)),), handlers=RUNS,
            success=APPLIES,
        ),
    ),
    "just within the objective": watched(
        {"50m": "ok"},
        Facts(pending=((60, 9),), staleness=((60, 30_000),), handlers=RUNS, success=APPLIES),
    ),
    "just over the objective": watched(
        {"50m": "lagging"},
        Facts(pending=((60, 9),), staleness=((60, 30_001),), handlers=RUNS, success=APPLIES),
    ),
    "after a pause it catches up, by age": watched(
        {"1m": "catching_up", "5m": "catching_up", "30m": "catching_up", "55m": "ok"},
        Facts(
            pending=((60, 10_000),),  # as many as the probe counts at most
            staleness=((50, (3_000_000, -60_000)), (10, 0)), handlers=RUNS, success=APPLIES,
        ),
    ),
    "a burst of one moment: their age grows while they get fewer": watched(
        {"10m": "catching_up", "30m": "catching_up", "50m": "ok"},
        Facts(
            pending=((40, (4000, -100)), (20, 0)), staleness=((40, (LATE, 60_000)), (20, 0)),
            handlers=RUNS, success=APPLIES,
        ),
    ),
    "it gets fewer so slowly that it will take hours": watched(
        {"30m": "lagging"},
        Facts(
            pending=((60, (60_000, -60)),), staleness=((60, (LATE, 0)),), handlers=RUNS,
            success=APPLIES,
        ),
    ),
    "its backlog shrinks, but not by its doing": watched(
        {"30m": "stalled"},
        Facts(
            pending=((60, (4000, -60)),), staleness=((60, LATE),), handlers=RUNS,
            success=((60, 0),),
        ),
    ),
    "the writer's clock is ahead, and it is stuck": watched(
        {"9m45s": "ok", "12m": "stalled", "50m": "stalled"},
        Facts(
            pending=BREAKS_AT_10, staleness=CALM, handlers=RUNS, success=((10, NOW), (50, 585))
        ),
    ),
    "the writer's clock is ahead, and it progresses": watched(
        {"9m45s": "ok", "50m": "ok"},
        Facts(pending=((60, 5),), staleness=CALM, handlers=RUNS, success=APPLIES),
    ),
    "the projection's clock is an hour ahead, and it is stuck": watched(
        {"9m45s": "ok", "12m": "stalled", "50m": "stalled"},
        Facts(
            pending=BREAKS_AT_10, staleness=STALE_FROM_10, handlers=RUNS,
            success=((10, NOW), (50, 585 + 3600)), ahead=3600,
        ),
    ),
    "the projection's clock is an hour behind, and it progresses": watched(
        {"9m45s": "ok", "50m": "ok"},
        Facts(
            pending=((60, 5),), staleness=((60, 5),), handlers=RUNS, success=APPLIES, ahead=-3600
        ),
    ),
    "a rebuild": watched(
        {"9m45s": "ok", "10m15s": "rebuilding", "29m": "rebuilding", "30m15s": "ok"},
        Facts(
            pending=((10, 0), (20, 5000), (30, 0)), staleness=((10, 0), (20, 5e8), (30, 0)),
            handlers=RUNS, success=APPLIES, error=((60, 1),),
            rebuilding=((10, None), (20, 1), (30, 0)),
        ),
    ),
    "a rebuild by another job, without handlers of its own": watched(
        {"9m45s": "ok", "10m15s": "rebuilding", "30m15s": "ok"},
        Facts(pending=CALM, staleness=CALM, handlers=RUNS, success=APPLIES),
        Facts(rebuilding=((10, None), (20, 1), (30, None)), projector="rebuild"),
    ),
    "the process that rebuilt was killed": watched(
        {"10m15s": "rebuilding", "20m15s": "stopped"},
        Facts(
            pending=((60, 5000),), staleness=((60, 5e8),), handlers=((20, 1), (40, None)),
            success=((20, NOW), (40, None)), rebuilding=((20, 1), (40, None)),
        ),
    ),
    "nobody watches it, and it works": Situation(
        [Facts(handlers=RUNS, success=APPLIES)], {"50m": "unknown"}, ALONE
    ),
    "nobody watches it, and it failed": Situation(
        [Facts(handlers=RUNS, success=((60, 10),), error=((10, None), (50, 600)))],
        {"9m45s": "unknown", "10m15s": "failed"},
        ALONE,
    ),
    "nobody watches it, and it is gone from a living service": Situation(
        [Facts(handlers=((10, 1), (50, None)), success=((10, NOW), (50, None)))],
        {"9m45s": "unknown", "10m15s": "stopped"},
        ALONE,
    ),
    "nobody watches it, and it is rebuilt": Situation(
        [Facts(handlers=RUNS, success=APPLIES, rebuilding=((10, 0), (20, 1), (30, 0)))],
        {"9m45s": "unknown", "10m15s": "rebuilding", "30m15s": "unknown"},
        ALONE,
    ),
    "another service has a projection of that name, which fails": Situation(
        [
            Facts(pending=CALM, staleness=CALM, handlers=RUNS, success=APPLIES, watcher=PROJECTOR),
            Facts(
                pending=((60, 1),), staleness=((60, 9),), handlers=RUNS, success=((60, 1),),
                error=((60, 2),), watcher="office", projector="office",
            ),
        ],
        {"50m": "ok"},
        {**OURS, "job": PROJECTOR},
    ),
    "the same, seen from there": Situation(
        [
            Facts(pending=CALM, staleness=CALM, handlers=RUNS, success=APPLIES, watcher=PROJECTOR),
            Facts(
                pending=((60, 1),), staleness=((60, 9),), handlers=RUNS, success=((60, 1),),
                error=((60, 2),), watcher="office", projector="office",
            ),
        ],
        {"50m": "failed"},
        {**OURS, "job": "office"},
    ),
    "two processes watch it, and one cannot tell": watched(
        {"9m45s": "ok", "10m30s": "ok", "30m": "ok"},
        Facts(
            pending=((10, 0), (50, None)), staleness=((10, 0), (50, None)), handlers=RUNS,
            success=APPLIES,
        ),
        Facts(pending=CALM, staleness=CALM, instance="b"),
    ),
    "two processes watch it, and the later one sees more": watched(
        {"30m": "lagging"},
        Facts(pending=CALM, staleness=CALM, handlers=RUNS, success=APPLIES),
        Facts(pending=((60, 1),), staleness=((60, LATE),), instance="b"),
    ),
}  # fmt: skip


def expected(at: str, labels: Mapping[str, str], name: str | None) -> list[dict[str, Any]]:
    """Just this state is 1 at a time, and the seven others are 0."""
    chosen = [equals(key, each) for key, each in labels.items()]
    series = select(state.STATES_BOOL, chosen)
    return [
        {
            "expr": f"{series} == 1",
            "eval_time": at,
            "exp_samples": [
                {
                    "labels": select(state.STATES_BOOL, [*chosen, equals("state", name)]),
                    "value": 1,
                }
            ]
            if name
            else [],
        },
        {
            "expr": f"count({series} == 0)",
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": len(state.STATES) - 1}] if name else [],
        },
    ]


def situations_test(*chosen: str, config: Config = CONFIG) -> dict[str, Any]:
    """Situations as one promtool test, which takes a fraction of the time of one for each.

    They do not meet: jobs and projections have the situation's number in their names.
    """
    series: InputSeries = []
    checks = list[dict[str, Any]]()
    for number, what in enumerate(chosen):
        situation = SITUATIONS[what]
        for each in situation.facts:
            apart = replace(
                each,
                watcher=f"{each.watcher} {number}",
                projector=f"{each.projector} {number}",
                name=f"{each.name} {number}",
            )
            series += apart.series(config)
        labels = {key: f"{each} {number}" for key, each in situation.labels.items()}
        for at, name in situation.states.items():
            checks += expected(at, labels, name)
    return {"input_series": series, "promql_expr_test": checks}


def rebuild_tests() -> list[dict[str, Any]]:
    """A rebuild at ten events a second, another of unknown length, and one of nothing."""
    targets = {"orders": ((60, 12_000),), "none": ((60, 0),)}
    applied = {"orders": ((60, (0, 600)),), "unknown": ((60, (0, 600)),), "none": ((60, 0),)}
    series = [
        {
            "series": select(
                series_name(metric, CONFIG.naming),
                [equals("job", PROJECTOR), equals("projection_name", name)],
            ),
            "values": samples(phases, PER_MINUTE),
        }
        for metric, said in (
            (catalog.PROJECTION_REBUILD_TARGET, targets),
            (catalog.PROJECTION_REBUILD_APPLIED, applied),
        )
        for name, phases in said.items()
    ]
    labels = [equals("job", PROJECTOR), equals("projection_name", "orders")]
    return [
        {
            "input_series": series,
            "promql_expr_test": [
                {
                    "expr": name,
                    "eval_time": at,
                    "exp_samples": [{"labels": select(name, labels), "value": value}],
                }
                for name, at, value in (
                    (rebuilds.DONE, "10m", 0.5),
                    (rebuilds.DONE, "30m", 1),
                    (rebuilds.REMAINING, "10m", 600),
                    (rebuilds.REMAINING, "30m", 0),
                )
            ],
        }
    ]


def recorded_tests() -> dict[str, list[dict[str, Any]]]:
    """What has to notice a wrong rule, under ``rule_name``."""
    states = [situations_test(*SITUATIONS)]
    return {
        **dict.fromkeys(rebuilds.meanings(), rebuild_tests()),
        **{rule_name(rule): states for unit in state.units(CONFIG) for rule in unit},
    }


def test_rebuilds(evaluate: Evaluate) -> None:
    """How far it is and how long it takes; of one without a target only that it goes on."""
    evaluate(CONFIG, rebuild_tests(), needed_rules(CONFIG, *rebuilds.meanings()))


def test_states(evaluate: Evaluate) -> None:
    """Every situation ends in its state within two evaluations, and in no other."""
    evaluate(CONFIG, [situations_test(*SITUATIONS)], needed_rules(CONFIG, state.STATES_BOOL))
