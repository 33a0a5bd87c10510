"""Cases of the alerts on targets, on Prometheus itself and on the collector."""

from __future__ import annotations

from cqrs_alerts import foreign_metrics as foreign
from cqrs_alerts.links import PIPELINE_UID
from cqrs_telemetry import catalog

from .case import Case, Firing, Quiet, Traffic
from .traffic import Phase, counted, heartbeat, raw, together

RULES = "/etc/rules/alerts.yaml;cqrs.write.alerts"
PROMETHEUS = {"instance": "prometheus:9090", foreign.RULE_GROUP: RULES}
OTHERS = {**PROMETHEUS, foreign.RULE_GROUP: "/etc/rules/node.yaml;node"}
OTLP = {"instance": "collector:8888", foreign.RECEIVER: "otlp"}
TEMPO = {"instance": "collector:8888", foreign.EXPORTER: "otlp/tempo"}


def target(*phases: Phase, instance: str = "c") -> Traffic:
    """Whether a target of the service answers."""
    return raw(foreign.UP, {"instance": instance}, *phases, grouped=True)


def reporting_late(minutes: int) -> Traffic:
    """The third process reports only after so many minutes."""
    labels = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}
    telemetry = counted(catalog.TELEMETRY_OVERFLOW, labels, (minutes, None), (60, 0))
    return lambda service: [
        {**line, "series": line["series"].replace('instance="a"', 'instance="c"')}
        for line in telemetry(service)[:1]
    ]


def evaluations(seconds: float, labels: dict[str, str]) -> Traffic:
    """A group that is evaluated each minute, and takes so long."""
    return together(
        raw(foreign.RULE_GROUP_SECONDS, labels, (60, seconds)),
        raw(foreign.RULE_GROUP_INTERVAL_SECONDS, labels, (60, 60)),
    )


def failures(labels: dict[str, str], *phases: Phase) -> Traffic:
    """Evaluations that fail, in phases of so many a minute."""
    return raw(foreign.RULE_FAILURES, labels, *phases, climbs=True)


def lost(name: str, labels: dict[str, str], *phases: Phase) -> Traffic:
    """What a collector refuses or gives up, in phases of so many a minute."""
    return raw(name, labels, *phases, climbs=True)


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
        fires=together(heartbeat("0x60"), target((60, 1)), target((60, 1), instance="a"),
                       reporting_late(30)),
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
        fires=failures(PROMETHEUS, (40, 12), (20, 0)),
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
        fires=evaluations(51, PROMETHEUS),
        firing_at="16m",
        quiet={
            "just below": evaluations(48, PROMETHEUS),
            "rules of others": evaluations(55, OTHERS),
        },
        lenient={"above_ratio": 0.9, "for_": "1h"},
        of_service=False,
    ),
    Case(
        "CqrsCollectorRefusing", "telemetry", "warning", PIPELINE_UID,
        {**OTLP, foreign.KIND: "refused_spans"},
        "Collector collector:8888, receiver otlp: refused_spans 0.2 times a second", "10m",
        fires=lost(foreign.COLLECTOR_REFUSED[0], OTLP, (40, 12), (30, 0)),
        firing_at="12m",
        over_at="57m",
        quiet={
            "of the past": lost(foreign.COLLECTOR_REFUSED[0], OTLP, (60, 0)),
            "one spell": lost(foreign.COLLECTOR_REFUSED[0], OTLP, (10, 0), (5, 12), (45, 0)),
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
        fires=lost(foreign.COLLECTOR_DROPPED[0], TEMPO, (40, 12), (30, 0)),
        firing_at="12m",
        over_at="57m",
        quiet={
            "of the past": lost(foreign.COLLECTOR_DROPPED[0], TEMPO, (60, 0)),
            "one spell": lost(foreign.COLLECTOR_DROPPED[0], TEMPO, (10, 0), (5, 12), (45, 0)),
        },
        fires_too=losses(foreign.COLLECTOR_DROPPED, TEMPO, "exporter otlp/tempo"),
        lenient={"for_": "1h"},
        of_service=False,
    ),
)  # fmt: skip
