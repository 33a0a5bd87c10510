"""Objectives: recorded counts, burn rates and budgets by hand, and the alerts that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml

from cqrs_alerts import projection_state, slo, slo_rules
from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.config import Config
from cqrs_alerts.naming import recorded_label, series_name
from cqrs_alerts.objective_settings import (
    AvailabilityObjectives,
    LatencyObjectives,
    OwnAvailability,
    OwnLatency,
    OwnTime,
    TimeObjectives,
    promise,
)
from cqrs_alerts.promql import Matcher, duration, duration_seconds, equals, select
from cqrs_alerts.rule_files import render_rules
from cqrs_alerts.slo_alerts import BurnAlert
from cqrs_alerts.slo_settings import BurnRate, Slos
from cqrs_telemetry import catalog

from .alert_cases.case import ABOVE, BELOW, links
from .conftest import (
    Evaluate,
    InputSeries,
    Service,
    chosen_rules,
    needed_rules,
    rendered,
    rule_name,
)
from .growth import AFTER, ALIVE, CASES, END, GROWTH, STEP, growing

pytestmark = pytest.mark.servers

DEFAULT = Config()
OTHER = Config(
    group_labels=("cluster", "job"),
    scrape_interval="15s",
    slos=Slos(
        command_availability=AvailabilityObjectives(objective=0.99),
        command_latency=LatencyObjectives(objective=0.95, within_ms=2.5),
    ),
)
GROUPS = {DEFAULT: {"job": "shop"}, OTHER: {"cluster": "north", "job": "shop"}}
CONFIGS = pytest.mark.parametrize("config", [DEFAULT, OTHER], ids=["default", "other objectives"])

COMMANDS = {catalog.COMMAND_TYPE: "PlaceOrder"}


def commands(service: Service, good: str, bad: str, kind: str = "PlaceOrder") -> InputSeries:
    """Commands by outcome, 120 a minute of each while their samples (minutes after x) climb."""
    labels = {catalog.COMMAND_TYPE: kind}
    per_minute = {"1m": 1, "15s": 4}[service.interval]

    def samples(minutes: str) -> str:
        parts = (part.partition("x") for part in minutes.split())
        return " ".join(f"{start}x{int(n) * per_minute}" for start, _, n in parts)

    return [
        line
        for outcome, minutes in ((catalog.SUCCESS, good), (catalog.ERROR, bad))
        for line in service.counter(
            catalog.COMMAND_TOTAL,
            {**labels, catalog.COMMAND_STATUS: outcome},
            120,
            samples(minutes),
        )
    ]


def recorded(
    config: Config, name: str, labels: Mapping[str, str], number: float, at: str
) -> dict[str, Any]:
    """What one recorded series has to be at a time, to four decimals."""
    chosen = [equals(key, each) for key, each in labels.items()]
    every = sorted({**GROUPS[config], **labels}.items())
    return {
        "expr": f"round({select(name, chosen)}, 0.0001)",
        "eval_time": at,
        "exp_samples": [
            {"labels": select("", [equals(*each) for each in every]), "value": round(number, 4)}
        ],
    }


SIDE = {"cqrs_side": "write"}
AVAILABILITY = {"slo": "command_availability", **SIDE}
LATENCY = {"slo": "command_latency", **SIDE}


@CONFIGS
def test_windows_count_events(config: Config, evaluate: Evaluate) -> None:
    """Two hours without, then ten minutes with failures: a window weighs them by their number."""
    bad = "1000+0x120 1000+{}x10 1600+0x60"
    budget = 1 - config.slos.command_availability.objective
    series = commands(Service(config, GROUPS[config]), "0+{}x190", bad)
    tests = []
    for window, events, failed in (("1h", 8400, 1200), ("30m", 4800, 1200), ("5m", 600, 0)):
        burn = failed / events / budget
        tests += [
            recorded(config, slo.events(window), AVAILABILITY, events, "140m"),
            recorded(config, slo.bad_events(window), AVAILABILITY, failed, "140m"),
            recorded(config, slo.burn_rate(window), AVAILABILITY, burn, "140m"),
        ]
    evaluate(config, [{"input_series": series, "promql_expr_test": tests}], objective_rules(config))


def of_share(sli: slo.Sli, bad: float, config: Config, per_minute: float = 1000) -> InputSeries:
    """Steady traffic of which a share is bad, judged by the indicator's own objective."""
    service = Service(config, GROUPS[config])
    kind = {sli.type: "Some"}
    good_and_bad = per_minute * (1 - bad), per_minute * bad
    if isinstance(sli, slo.Availability):
        return [
            line
            for status, often in zip((catalog.SUCCESS, catalog.ERROR), good_and_bad, strict=True)
            for line in service.counter(
                sli.rate.metric, {**kind, sli.status: status}, often, "1000+{}x1000"
            )
        ]
    if isinstance(sli, slo.Staleness):
        # As if each moment were so stale: their mean is what counts.
        labels = {**GROUPS[config], recorded_label(sli.type): "some"}
        return [steady(projection_state.STALE, labels, bad)]
    within = sli.settings(config).within_ms
    return service.histogram(
        sli.buckets.metric,
        kind,
        dict(zip((within, within * 2), good_and_bad, strict=True)),
        "1000+{}x1000",
    )


def budget(sli: slo.Sli, config: Config) -> float:
    """Share of events that may be bad."""
    return 1 - sli.settings(config).objective


def burning(times: float, config: Config, slis: Sequence[slo.Sli] = slo.SLIS) -> InputSeries:
    """Indicators, each with so many times the bad events that its budget allows."""
    return [line for sli in slis for line in of_share(sli, times * budget(sli, config), config)]


@CONFIGS
def test_budget_is_what_the_period_has_left(config: Config, evaluate: Evaluate) -> None:
    """Half of the allowed share of bad events leaves half of the budget; twice overdraws it."""
    name = slo.budget_remaining(config)
    evaluate(
        config,
        [
            {
                "input_series": burning(times, config),
                "promql_expr_test": [
                    recorded(
                        config, name, {"slo": sli.name, "cqrs_side": sli.side}, 1 - times, "40m"
                    )
                    for sli in slo.SLIS
                ],
            }
            for times in (0.5, 2)
        ],
        objective_rules(config),
    )


# A share of time needs some minutes to be known, whatever happens in them.
OF_EVENTS = tuple(sli for sli in slo.SLIS if not isinstance(sli, slo.Staleness))
BURN_ALERTS = {each.name: each for each in ALERTS if isinstance(each, BurnAlert)}


def objective_rules(config: Config) -> dict[str, str]:
    """The rules of all objectives: what they do not read only takes time."""
    return needed_rules(config, *BURN_ALERTS, slo.budget_remaining(config))


def firing(sli: slo.Sli, config: Config, times: float) -> list[dict[str, Any]]:
    """The alerts of the rules whose factor is below so many times the budget."""
    alert = next(each for each in BURN_ALERTS.values() if each.sli is sli)
    return [
        told(alert, burn, config, times) for burn in config.slos.burn_rates if burn.factor < times
    ]


def told(
    alert: BurnAlert,
    burn: BurnRate,
    config: Config,
    times: float,
    group: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What one rule of an alert says, of a service of other group labels if given."""
    group = group or GROUPS[config]
    where = ", ".join(f"{key} {each}" for key, each in group.items())
    return {
        "exp_labels": {
            **group,
            "slo": alert.sli.name,
            "cqrs_side": alert.sli.side,
            "side": alert.sli.side,
            "severity": burn.severity,
            "long_window": burn.long,
            "short_window": burn.short,
        },
        "exp_annotations": {
            "summary": alert.summary,
            "description": f"The error budget for {alert.what} burns {times:.1f} times as "
            f"fast as it may; promised are {promise(alert.sli.settings(config))} ({where}).",
            **links(
                alert.name,
                "cqrs-slos",
                {**group, "slo": alert.sli.name},
                f"{max(duration_seconds(burn.long), 3600):.0f}s",
                config,
            ),
        },
    }


def fires(sli: slo.Sli, at: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """What promtool has to find of an objective's alert at a time."""
    words = "".join(word.capitalize() for word in sli.name.split("_"))
    return {"alertname": f"Cqrs{words}Burn", "eval_time": at, "exp_alerts": alerts}


def burn_tests(times: float, config: Config, slis: Sequence[slo.Sli]) -> dict[str, Any]:
    """Rules fire above their factor and not below, after their time and not before."""
    tests = []
    for sli in slis:
        alerts = firing(sli, config, times)
        pages = [each for each in alerts if each["exp_labels"]["severity"] == "critical"]
        tests += [fires(sli, "10m", []), fires(sli, "30m", pages), fires(sli, "200m", alerts)]
    return {"input_series": burning(times, config, slis), "alert_rule_test": tests}


def fast_tests(config: Config, slis: Sequence[slo.Sli]) -> list[dict[str, Any]]:
    """Above 14.4 the first page is there after its 2 minutes; just below it is not."""
    return [
        {
            "input_series": burning(times, config, slis),
            "alert_rule_test": [
                fires(sli, at, firing(sli, config, times)[:pages])
                for sli in slis
                for at, pages in moments.items()
            ],
        }
        for times, moments in ((15, {"2m": 0, "8m": 1}), (14, {"2m": 0, "8m": 0}))
    ]


def few_tests(config: Config, slis: Sequence[slo.Sli]) -> list[dict[str, Any]]:
    """Below the least number of events in the long window, even when all of them are bad."""
    return [
        {
            "input_series": [
                line for sli in slis for line in of_share(sli, 1, config, per_minute=hourly / 60)
            ],
            # The 6 h rule sees more than 100 in six hours, but has not waited long enough.
            "alert_rule_test": [
                fires(sli, "66m", firing(sli, config, 1 / budget(sli, config))[:pages])
                for sli in slis
            ],
        }
        for hourly, pages in ((99, 0), (101, 1))
    ]


# At 99 % for all, so that 15 times the budget is a share that can be.
_at_99: dict[str, Any] = {
    sli.name: replace(sli.settings(DEFAULT), objective=0.99) for sli in slo.SLIS
}
EVEN = replace(DEFAULT, slos=replace(DEFAULT.slos, **_at_99))
GROUPS[EVEN] = GROUPS[DEFAULT]


def edge_tests(name: str, config: Config) -> list[dict[str, Any]]:
    """Each rule of an alert over recorded series: fires above all of its limits, not below one.

    It does after its time and not a sample before; another objective's burn is none of its. All in
    one test, because that takes the least time: each rule and each limit has a service of its own.
    """
    alert = BURN_ALERTS[name]
    series, waits = list[dict[str, str]](), dict[float, dict[str, Any]]()
    for burn in config.slos.burn_rates:
        limits = {
            slo.burn_rate(burn.long): burn.factor,
            slo.burn_rate(burn.short): burn.factor,
            slo.events(burn.long): alert.settings(config).floor,
        }
        for low in (None, *limits):
            group = {**GROUPS[config], "job": f"{burn.long} {low or 'all above'}"}
            own = {**group, "slo": alert.sli.name, "cqrs_side": alert.sli.side}
            for each, limit in limits.items():
                series.append(steady(each, own, limit * (BELOW if each == low else ABOVE)))
                if each != low:
                    series.append(steady(each, {**own, "slo": "another"}, limit * ABOVE))
            if low is None:
                told_now = told(alert, burn, config, burn.factor * ABOVE, group)
                waits[duration_seconds(burn.for_)] = told_now
    step = duration_seconds(config.scrape_interval)
    times = sorted({*waits, *(wait - step for wait in waits)})
    checks = [
        fires(alert.sli, f"{time:g}s", [each for wait, each in waits.items() if wait <= time])
        for time in times
    ]
    return [{"input_series": series, "alert_rule_test": checks}]


def steady(name: str, labels: Mapping[str, str], value: float) -> dict[str, str]:
    """A series that stays as it is."""
    series = select(name, [equals(key, each) for key, each in labels.items()])
    return {"series": series, "values": f"{value:.12g}x1000"}


def raw_inputs(sli: slo.Sli, config: Config) -> InputSeries:
    """Of 15 a minute 3 are bad, of two types; another service's 7 are all good.

    Of time it is that of 15 projections, and a third service has none in the last minutes.
    """
    if isinstance(sli, slo.Staleness):
        kind = recorded_label(sli.type)
        gone = steady(projection_state.STALE, {"job": "gone", kind: "last"}, 1)
        return [
            {**gone, "values": "1x9 stale"},
            *(
                steady(projection_state.STALE, {**group, kind: str(number)}, share)
                for group, shares in (
                    (GROUPS[config], [0, 0, 1, 1, 0.5, 0.5, *[0] * 9]),
                    (calm_service(config), [0] * 7),
                )
                for number, share in enumerate(shares)
            ),
        ]
    busy, calm = (Service(config, group) for group in (GROUPS[config], calm_service(config)))
    step = duration_seconds(config.scrape_interval) / 60  # promtool's samples are a minute apart
    if isinstance(sli, slo.Availability):
        counts = (
            (busy, "One", catalog.SUCCESS, 4), (busy, "Two", catalog.SUCCESS, 5),
            (busy, "Two", catalog.REJECTED, 3), (busy, "One", catalog.ERROR, 1),
            (busy, "Two", catalog.ERROR, 2), (calm, "One", catalog.SUCCESS, 7),
        )  # fmt: skip
        return [
            line
            for service, name, status, often in counts
            for line in service.counter(
                sli.rate.metric, {sli.type: name, sli.status: status}, often / step
            )
        ]
    within = sli.settings(config).within_ms
    return [
        line
        for service, name, fast, slow in (
            (busy, "One", 8, 1),
            (busy, "Two", 4, 2),
            (calm, "One", 7, 0),
        )
        for line in service.histogram(
            sli.buckets.metric, {sli.type: name}, {within: fast / step, within * 2: slow / step}
        )
    ]


def calm_service(config: Config) -> dict[str, str]:
    """Group labels of another service."""
    return {**GROUPS[config], "job": "calm"}


def exactly(name: str, at: str, *samples: tuple[Mapping[str, str], float]) -> dict[str, Any]:
    """All series that have the name at a time."""
    return {
        "expr": name,
        "eval_time": at,
        "exp_samples": [
            {"labels": select(name, [equals(*each) for each in labels.items()]), "value": value}
            for labels, value in samples
        ],
    }


Recorded = tuple[str, list[dict[str, Any]]]  # how often to evaluate, and promtool's tests


def recorded_tests(config: Config) -> dict[str, Recorded]:
    """What each recorded series of the objectives is, by what it reads, under ``rule_name``."""
    found = dict[str, Recorded]()
    for sli in slo.SLIS:
        found |= objective_tests(sli, config)
    for side in dict.fromkeys(sli.side for sli in slo.SLIS):
        counted = slo_rules.counted_windows(config)
        for index, window in enumerate(counted[1:], 1):
            found |= window_tests(side, window, counted[:index], config)
        for window in slo.windows(config):
            found |= burn_tests_of(side, window, config)
        name = slo.budget_remaining(config)
        labels, others = derived_labels(side, config)
        burned = slo.burn_rate(config.slos.period)
        series = [steady(burned, labels, 0.25), steady(burned, others, 5)]
        check = exactly(name, "5m", (labels, 0.75))
        found[f"{name} {side}"] = "1m", [{"input_series": series, "promql_expr_test": [check]}]
    return found


def objective_tests(sli: slo.Sli, config: Config) -> dict[str, Recorded]:
    """Events, bad events and the promise of an objective; a service without bad ones has 0."""
    promise = sli.settings(config).objective
    own = {"slo": sli.name, "cqrs_side": sli.side}
    busy, calm = ({**group, **own} for group in (GROUPS[config], calm_service(config)))
    whole, bad = slo.events("5m"), slo.bad_events("5m")
    # What bad events of latency are counted from: not another objective's, nor an own type's.
    known = [
        *(steady(whole, group, number) for group, number in ((busy, 75), (calm, 35))),
        steady(whole, {**busy, "slo": "another"}, 1000),
        steady(whole, {**busy, recorded_label(sli.type): "Own"}, 1000),
    ]
    scale = 60 if isinstance(sli, slo.Staleness) else 1  # seconds in a minute
    found = {
        f"{name} {sli.name} {sli.side}": (
            "1m",
            [
                {
                    "input_series": [*raw_inputs(sli, config), *others],
                    "promql_expr_test": [exactly(name, "20m", (busy, one), (calm, other))],
                }
            ],
        )
        for name, others, one, other in (
            (whole, [], 75 * scale, 35 * scale),
            (bad, known, 15 * scale, 0),
            (slo.OBJECTIVE, known, promise, promise),
        )
    }
    if not isinstance(sli, slo.Staleness) and config.group_labels == ("job",):
        for name, test in growth_tests(sli, config).items():
            found[f"{name} {sli.name} {sli.side}"][1].append(test)
    return found


def growth_tests(sli: slo.Availability | slo.Latency, config: Config) -> dict[str, dict[str, Any]]:
    """What each case of ``growth`` counts, and that no service has counts that has ended."""
    known = dict[str, float]()
    if isinstance(sli, slo.Availability):
        metric, whole_part, part = sli.rate.metric, "", ""
        labels = {recorded_label(sli.status): catalog.ERROR}
        others = {recorded_label(sli.status): catalog.SUCCESS}
        bad = {job: float(number) for job, number in GROWTH.items()}
    else:
        metric, whole_part, part = sli.buckets.metric, "count", "bucket"
        labels, others = {"le": f"{sli.settings(config).within_ms:g}"}, {"le": "+Inf"}
        known = dict.fromkeys(CASES, 2000.0)
        bad = {job: 2000.0 - number for job, number in GROWTH.items()}
    own = {"slo": sli.name, "cqrs_side": sli.side}
    kind = {recorded_label(sli.type): "Some"}
    counted = [
        {**steady(slo.events("5m"), {"job": job, **own}, number), "values": f"{number:g}x500"}
        for job, number in known.items()
    ]
    of_whole = growing(series_name(metric, config.naming, whole_part), kind, {})
    of_bad = growing(
        series_name(metric, config.naming, part), {**kind, **labels}, {**kind, **others}
    )
    promise = dict.fromkeys(CASES, sli.settings(config).objective)
    return {
        name: {
            "interval": f"{STEP}s",
            "input_series": series,
            "promql_expr_test": [
                exactly(name, at, *(({"job": job, **own}, expected[job]) for job in sorted(jobs)))
                for at, jobs, expected in ((f"{END}s", GROWTH, now), (f"{AFTER}s", ALIVE, later))
            ],
        }
        for name, series, now, later in (
            (slo.events("5m"), of_whole, GROWTH, ALIVE),
            (
                slo.bad_events("5m"),
                [*of_bad, *counted],
                bad,
                {job: known.get(job, 0.0) for job in ALIVE},
            ),
            (slo.OBJECTIVE, of_whole, promise, promise),
        )
    }


def derived_labels(side: str, config: Config) -> tuple[dict[str, str], dict[str, str]]:
    """Labels of an objective of a side, and of one of another side."""
    own = {**GROUPS[config], "slo": "any"}
    return {**own, "cqrs_side": side}, {**own, "cqrs_side": "another"}


def window_tests(
    side: str, window: str, shorter: Sequence[str], config: Config
) -> dict[str, Recorded]:
    """Counts of a window are those of its parts, each as it was when the next began.

    Between them, and where the window begins, nothing counts; a part without a sample does not.
    """
    found = dict[str, Recorded]()
    labels, others = derived_labels(side, config)
    (part, *_), of_one_length = zip(*slo_rules.parts(window, shorter), strict=True)
    step, number = duration_seconds(part) / 2, len(of_one_length)
    for count in slo.COUNTS:

        def case(step: float, values: str, known: float, count: Any = count) -> dict[str, Any]:
            return {
                "interval": duration(step),
                "input_series": [
                    {**steady(count(part), each, 0), "values": values} for each in (labels, others)
                ],
                "promql_expr_test": [exactly(count(window), window, (labels, known))],
            }

        tests = []
        for last in (str(2 ** (number - 1)), "stale"):
            # From the window's beginning to now: before each part, within it, at its end.
            ends = [*(str(2**power) for power in range(number - 1)), last]
            known = sum(int(end) for end in ends if end != "stale")
            values = " ".join(["5000", *(f"5000 {end}" for end in ends)])
            tests.append(case(step, values, known))
        if duration_seconds(part) > 300:
            # Where Prometheus was down as a part ended, what it recorded a while before.
            sixth = min(duration_seconds(part) / 24, 3600)  # of that while
            samples = int(duration_seconds(part) / sixth)
            for ago, of_each in ((5, 7), (7, 0)):
                between = f" _x{samples - 1} ".join(["7"] * (number - 1))
                values = f"_x{samples - ago} {between} _x{samples + ago - 1} 1"
                tests.append(case(sixth, values, of_each * (number - 1) + 1))
        found[f"{count(window)} {side}"] = window, tests
    return found


def burn_tests_of(side: str, window: str, config: Config) -> dict[str, Recorded]:
    """A burn rate is a ratio of counts, of which an objective is remembered for a day."""
    labels, others = derived_labels(side, config)
    whole, bad, burn = slo.events(window), slo.bad_events(window), slo.burn_rate(window)
    series = [
        *(steady(bad, each, value) for each, value in ((labels, 3), (others, 50))),
        *(steady(whole, each, value) for each, value in ((labels, 60), (others, 100))),
        *(steady(each, {**labels, "slo": "idle"}, 0) for each in (whole, bad)),
        *(
            {**steady(slo.OBJECTIVE, {**each, "slo": name}, 0), "values": "0.9 stale"}
            for each in (labels, others)
            for name in ("any", "idle")
        ),
    ]
    checks = [exactly(burn, "23h", (labels, 0.5)), exactly(burn, "25h")]
    return {f"{burn} {side}": ("1h", [{"input_series": series, "promql_expr_test": checks}])}


@CONFIGS
def test_each_recorded_series_by_what_it_reads(config: Config, evaluate: Evaluate) -> None:
    """All services and types, none of another side, and the time of the window to the sample."""
    tests = recorded_tests(config)
    recorded = {
        rule_name(rule)
        for group in yaml.safe_load(rendered(config)["recording.yaml"])["groups"]
        for rule in group["rules"]
        if rule["record"].startswith("cqrs:slo")
    }
    assert set(tests) == recorded
    # What reads the counts of five minutes is given them, and so apart from what records them.
    base = {name for name in tests if name.startswith(f"{slo.events('5m')} ")}
    for interval, among in {(every, name in base) for name, (every, _) in tests.items()}:
        chosen = {
            name: each
            for name, (every, each) in tests.items()
            if every == interval and (name in base) == among
        }
        evaluate(
            config,
            [test for each in chosen.values() for test in each],
            rules=chosen_rules(config, chosen),
            interval=interval,
        )


@pytest.mark.parametrize("name", BURN_ALERTS)
@CONFIGS
def test_each_limit_of_a_rule_counts(name: str, config: Config, evaluate: Evaluate) -> None:
    """Both windows and the number of events decide, within 4 %, and the time to the sample."""
    evaluate(config, edge_tests(name, config), rules=chosen_rules(config, {name}))


@pytest.mark.parametrize(
    ("config", "times"),
    [*((DEFAULT, times) for times in (6.2, 5.8, 1.2, 0.8)), (OTHER, 6.2), (OTHER, 0.8)],
    ids=lambda each: str(each) if isinstance(each, float) else "",
)
def test_each_pair_of_windows_has_its_factor(
    config: Config, times: float, evaluate: Evaluate
) -> None:
    """Rules fire above their factor and not below, after their time and not before."""
    evaluate(config, [burn_tests(times, config, slo.SLIS)], objective_rules(config))


def test_a_fast_burn_pages_within_minutes(evaluate: Evaluate) -> None:
    """Above 14.4 the first page is there after its 2 minutes; just below it is not."""
    evaluate(EVEN, fast_tests(EVEN, OF_EVENTS), objective_rules(EVEN))


def test_a_handful_of_events_pages_nobody(evaluate: Evaluate) -> None:
    """Below the least number of events in the long window, even when all of them are bad."""
    evaluate(DEFAULT, few_tests(DEFAULT, OF_EVENTS), objective_rules(DEFAULT))


def test_the_page_ends_soon_after_the_cause(evaluate: Evaluate) -> None:
    """The short window ends it although the long one still burns; the ticket stays."""
    bad = "1000+{}x30 2800+0x200"
    series = commands(Service(DEFAULT, GROUPS[DEFAULT]), "0+{}x230", bad)
    tests = [
        {
            "expr": "count(ALERTS{alertstate='firing', long_window='1h'})",
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": 1}] if on else [],
        }
        for at, on in (("29m", True), ("37m", False))
    ]
    evaluate(
        DEFAULT, [{"input_series": series, "promql_expr_test": tests}], objective_rules(DEFAULT)
    )


OWN = replace(
    DEFAULT,
    slos=replace(
        DEFAULT.slos,
        command_availability=AvailabilityObjectives(
            types=(OwnAvailability(type="Import(1)", objective=0.95),)
        ),
        command_latency=LatencyObjectives(
            types=(OwnLatency(type="Import(1)", objective=0.95, within_ms=10_000),)
        ),
    ),
)  # fmt: skip


def test_a_type_with_its_own_objective_counts_apart(evaluate: Evaluate) -> None:
    """Its failures eat its own budget and not the others'; its alert names it."""
    service = Service(OWN, GROUPS[DEFAULT])
    series = [
        *commands(service, "0+{}x90", "1000+0x90"),
        *commands(service, "0+{}x90", "1000+{}x90", "Import(1)"),
        *service.histogram(catalog.COMMAND_DURATION, COMMANDS, {20: 100}),
        *service.histogram(
            catalog.COMMAND_DURATION, {catalog.COMMAND_TYPE: "Import(1)"}, {5_000: 96, 20_000: 4}
        ),
    ]
    GROUPS[OWN] = GROUPS[DEFAULT]
    rest, own = {"command_type": ""}, {"command_type": "Import(1)"}
    name = slo.burn_rate("30m")
    expected = [
        (AVAILABILITY, rest, 0.0), (AVAILABILITY, own, 10.0),
        (LATENCY, rest, 0.0), (LATENCY, own, 0.8),
    ]  # fmt: skip
    tests = []
    for labels, kind, burn in expected:
        chosen = [equals(key, each) for key, each in {**labels, **kind}.items()]
        every = sorted({**GROUPS[OWN], **labels, **{k: v for k, v in kind.items() if v}}.items())
        tests.append(
            {
                "expr": f"round({select(name, chosen)}, 0.0001)",
                "eval_time": "60m",
                "exp_samples": [
                    {"labels": select("", [equals(*each) for each in every]), "value": burn}
                ],
            }
        )
    evaluate(OWN, [{"input_series": series, "promql_expr_test": tests}], objective_rules(OWN))


def test_a_service_that_is_down_keeps_its_budget(evaluate: Evaluate) -> None:
    """Its series end with it, what it promised and what it broke does not."""
    series = of_share(slo.COMMAND_AVAILABILITY, 0.0005, DEFAULT)
    gone = [{**line, "values": line["values"].replace("x1000", "x60")} for line in series]
    name = slo.budget_remaining(DEFAULT)
    evaluate(
        DEFAULT,
        [
            {
                "input_series": gone,
                "promql_expr_test": [recorded(DEFAULT, name, AVAILABILITY, 0.5, "300m")],
            }
        ],
        objective_rules(DEFAULT),
    )


def test_a_projection_with_its_own_objective_of_time_counts_apart() -> None:
    """Its staleness is its own, and is not among that of the others."""
    promised = TimeObjectives(types=(OwnTime(type="slow(1)", objective=0.95),))
    config = replace(DEFAULT, slos=replace(DEFAULT.slos, projection_staleness=promised))
    chosen, name = slo.PROJECTION_STALENESS, projection_state.STALE
    rules = [
        rule
        for unit in slo_rules.units(chosen.recording.metric.scope, config)
        for rule in unit
        if rule.get("labels", {}).get("slo") == chosen.name
    ]
    for kind, who, objective in (
        (None, Matcher("projection_name", "!~", r"slow\(1\)"), 0.99),
        ("slow(1)", equals("projection_name", "slow(1)"), 0.95),
    ):
        own = [rule for rule in rules if rule["labels"].get("projection_name") == kind]
        assert [rule["record"] for rule in own] == [
            slo.events("5m"), slo.bad_events("5m"), slo.OBJECTIVE,
        ]  # fmt: skip
        assert all(select(name, [who]) in rule["expr"] for rule in own)
        assert own[-1]["expr"].endswith(f" + {objective:g}")


def test_time_counts_as_far_as_it_is_known(evaluate: Evaluate) -> None:
    """A projection that began a minute ago has a minute; that its first look was stale is 15 s."""
    config, kind = OTHER, recorded_label(catalog.PROJECTION_NAME)
    series = [
        {**steady(projection_state.STALE, {**GROUPS[config], kind: name}, 0), "values": values}
        for name, values in (("young", "1 0x40"), ("ok", "0x40"))
    ]
    own = {"slo": slo.PROJECTION_STALENESS.name, "cqrs_side": slo.PROJECTION_STALENESS.side}
    known = 2 * (60 + 5)  # the first look counts for itself
    tests = [
        recorded(config, slo.events("5m"), own, known, "1m"),
        recorded(config, slo.bad_events("5m"), own, 15, "1m"),
        recorded(config, slo.events("5m"), own, 2 * 300, "6m"),
        recorded(config, slo.bad_events("5m"), own, 0, "6m"),
    ]
    evaluate(config, [{"input_series": series, "promql_expr_test": tests}], objective_rules(config))


def test_disabled_objectives_leave_no_rules() -> None:
    """Neither a recording rule nor an alert of them remains."""
    off = replace(DEFAULT.slos.query_latency, enabled=False)
    config = replace(DEFAULT, slos=replace(DEFAULT.slos, query_latency=off))
    text = "".join(render_rules(config).values())
    assert "query_latency" not in text
    assert "query_availability" in text
