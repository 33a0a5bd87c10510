"""Cases of the alerts on targets, on Prometheus itself and on the collector."""

from __future__ import annotations

from cqrs_alerts import foreign_metrics as foreign
from cqrs_alerts.links import PIPELINE_UID
from cqrs_alerts.recording import INSTANCE_SERIES
from cqrs_telemetry import catalog

from .case import Case, Edge, Firing, Quiet, Traffic
from .traffic import Phase, counted, heartbeat, of_job, raw, recorded, together

RULES = "/etc/rules/alerts.yaml;cqrs.write.alerts"
PROMETHEUS = {"instance": "prometheus:9090", foreign.RULE_GROUP: RULES}
OTHERS = {**PROMETHEUS, foreign.RULE_GROUP: "/etc/rules/node.yaml;node"}
TRANSPORTS = ({"transport": "grpc"}, {"transport": "http"})
JOBS = ({"job": "prometheus"}, {"job": "federated"})  # that scrape the same
OTLP = {"instance": "collector:8888", foreign.RECEIVER: "otlp"}
TEMPO = {"instance": "collector:8888", foreign.EXPORTER: "otlp/tempo"}


def target(*phases: Phase, instance: str = "c", **more: str) -> Traffic:
    """Whether a target of the service answers."""
    return raw(foreign.UP, {"instance": instance, **more}, *phases, grouped=True)


def answering_elsewhere(minutes: int) -> Traffic:
    """An instance of the same name reports for another service."""
    report = recorded(INSTANCE_SERIES, {"instance": "c"}, (minutes, 1))
    return of_job("another", report)


def reporting_late(minutes: int) -> Traffic:
    """The third process reports only after so many minutes."""
    labels = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}
    telemetry = counted(catalog.TELEMETRY_OVERFLOW, labels, (minutes, None), (60, 0))
    return lambda service: [
        {**line, "series": line["series"].replace('instance="a"', 'instance="c"')}
        for line in telemetry(service)[:1]
    ]


def evaluations(seconds: float, labels: dict[str, str], interval: float = 60) -> Traffic:
    """A group that is evaluated so often, and takes so long."""
    return together(
        raw(foreign.RULE_GROUP_SECONDS, labels, (60, seconds)),
        raw(foreign.RULE_GROUP_INTERVAL_SECONDS, labels, (60, interval)),
    )


def failures(labels: dict[str, str], *phases: Phase) -> Traffic:
    """Evaluations that fail, in phases of so many a minute."""
    return raw(foreign.RULE_FAILURES, labels, *phases, climbs=True)


def lost(name: str, labels: dict[str, str], *phases: Phase) -> Traffic:
    """What a collector refuses or gives up, in phases of so many a minute."""
    return raw(name, labels, *phases, climbs=True)


def spells(names: tuple[str, ...], labels: dict[str, str]) -> Traffic:
    """Five minutes of losses of each kind, in both spellings."""
    phases = ((10, 0), (5, 12), (45, 0))
    other = {**labels, "instance": "another:8888"}
    return together(
        *(lost(name, labels, *phases) for name in names),
        *(lost(f"{name}{foreign.COLLECTOR_SUFFIX}", other, *phases) for name in names),
    )


def losses(names: tuple[str, ...], labels: dict[str, str], who: str) -> dict[str, Firing]:
    """Each other series of a collector, in the other spelling."""
    kinds = {name: name.split("_", 2)[2] for name in names[1:]}
    return {
        kind: Firing(
            lost(f"{name}{foreign.COLLECTOR_SUFFIX}", labels, (40, 12)),
            f"Collector collector:8888, {who}: {kind} 0.2 times a second",
            "15m",
            {**labels, foreign.KIND: kind},
        )
        for name, kind in kinds.items()
    }


CASES = (
    Case(
        "CqrsInstanceSilent", "telemetry", "warning", PIPELINE_UID, {"instance": "c"},
        "c answers, and nothing of this bundle is in its answer", "9m",
        fires=together(
            heartbeat("0x60"), target((60, 1)), target((60, 1), instance="a"),
            target((60, 0), endpoint="admin"), reporting_late(30), answering_elsewhere(60),
        ),
        firing_at="11m",
        over_at="32m",
        quiet={
            "a start of nine minutes": together(
                heartbeat("0x60"), target((60, 1)), reporting_late(9)
            ),
            "of a service that never reported": target((60, 1)),
            "down": together(heartbeat("0x60"), target((60, 0))),
            "longer ago than the lookback": Quiet(
                together(heartbeat("0 stale"), target((380, 1))), at=("371m",)
            ),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsTargetDown", "telemetry", "warning", PIPELINE_UID, {"instance": "c"},
        "c cannot be scraped", "9m",
        fires=together(heartbeat("0x60"), target((30, 0), (30, 1)), target((60, 1), instance="a")),
        firing_at="11m",
        over_at="32m",
        quiet={
            "another endpoint of it answers": together(
                heartbeat("0x60"), target((60, 0)), target((60, 1), endpoint="admin")
            ),
            "a restart of nine minutes": Quiet(
                together(heartbeat("0x60"), target((10, 1), (9, 0), (40, 1))),
                at=("19m", "20m", "21m", "30m"),
            ),
            "of a service that never reported": target((60, 0)),
            "removed from discovery": Quiet(
                together(heartbeat("0x60"), target((5, 0), (50, None))), at=("11m", "20m")
            ),
            "longer ago than the lookback": Quiet(
                together(heartbeat("0 stale"), target((380, 0))), at=("371m",)
            ),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsRuleEvaluationFailing", "telemetry", "critical", PIPELINE_UID, PROMETHEUS,
        f"Prometheus prometheus:9090 fails to evaluate {RULES} 0.2 times a second", "10m",
        fires=together(*(failures({**PROMETHEUS, **each}, (40, 6), (20, 0)) for each in JOBS)),
        firing_at="12m",
        over_at="46m",
        quiet={
            "rules of others": failures(OTHERS, (60, 12)),
            "of the past": failures(PROMETHEUS, (60, 0)),
            "during a restart": Quiet(
                failures(PROMETHEUS, (10, 0), (5, 12), (45, 0)), at=("15m", "19m", "20m", "21m")
            ),
        },
        lenient={"for_": "1h"},
        of_service=False,
    ),
    Case(
        "CqrsRuleEvaluationSlow", "telemetry", "warning", PIPELINE_UID, PROMETHEUS,
        f"Prometheus prometheus:9090 needs 85% of the interval for {RULES}", "14m",
        fires=together(
            evaluations(51, {**PROMETHEUS, **JOBS[0]}),
            evaluations(5, {**PROMETHEUS, **JOBS[1]}, interval=30),
        ),
        firing_at="16m",
        quiet={
            "rules of others": evaluations(55, OTHERS),
        },
        edges={"above_ratio": Edge(lambda share: evaluations(60 * share, PROMETHEUS))},
        lenient={"above_ratio": 0.9, "for_": "1h"},
        of_service=False,
    ),
    Case(
        "CqrsCollectorRefusing", "telemetry", "warning", PIPELINE_UID,
        {**OTLP, foreign.KIND: "refused_spans"},
        "Collector collector:8888, receiver otlp: refused_spans 0.2 times a second", "10m",
        fires=together(
            *(
                lost(foreign.COLLECTOR_REFUSED[0], {**OTLP, **each}, (40, 6), (30, 0))
                for each in TRANSPORTS
            )
        ),
        firing_at="12m",
        kept_at="52m",
        over_at="57m",
        quiet={
            "of the past": lost(foreign.COLLECTOR_REFUSED[0], OTLP, (60, 0)),
            "one spell of each": spells(foreign.COLLECTOR_REFUSED, OTLP),
        },
        fires_too=losses(foreign.COLLECTOR_REFUSED, OTLP, "receiver otlp"),
        lenient={"for_": "1h"},
        of_service=False,
    ),
    Case(
        "CqrsCollectorDropping", "telemetry", "warning", PIPELINE_UID,
        {**TEMPO, foreign.KIND: "send_failed_spans"},
        "Collector collector:8888, exporter otlp/tempo: send_failed_spans 0.2 times a second",
        "10m",
        fires=together(
            *(
                lost(foreign.COLLECTOR_DROPPED[0], {**TEMPO, **each}, (40, 6), (30, 0))
                for each in TRANSPORTS
            )
        ),
        firing_at="12m",
        kept_at="52m",
        over_at="57m",
        quiet={
            "of the past": lost(foreign.COLLECTOR_DROPPED[0], TEMPO, (60, 0)),
            "one spell of each": spells(foreign.COLLECTOR_DROPPED, TEMPO),
        },
        fires_too=losses(foreign.COLLECTOR_DROPPED, TEMPO, "exporter otlp/tempo"),
        lenient={"for_": "1h"},
        of_service=False,
    ),
)  # fmt: skip
