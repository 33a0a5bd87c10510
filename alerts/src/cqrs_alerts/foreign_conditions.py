"""Conditions on series of other programs: Prometheus' own, and the collector's."""

from __future__ import annotations

from collections.abc import Iterable

from . import foreign_metrics as foreign
from .conditions import Text, label_value
from .config import Config
from .label_names import INSTANCE
from .promql import (
    Matcher,
    label_list,
    max_by,
    number,
    rate,
    rename_labels,
    select,
    sum_by,
)
from .recording import INSTANCE_SERIES, INSTANCES
from .windows import RATE_WINDOW


def target_down(config: Config) -> str:
    """A target of a service that reported within the last hours cannot be scraped."""
    return f"{_targets(config)} == 0\n{_known(config.alerts.target_down.seen_within, config)}"


def instance_silent(config: Config) -> str:
    """A target of such a service is scraped, and nothing of ours is in it."""
    labels = label_list((*config.service_labels, INSTANCE))
    return (
        f"{_targets(config)} == 1\n"
        f"{_known(config.alerts.instance_silent.seen_within, config)}\n"
        f"unless on ({labels}) {INSTANCE_SERIES.name}"
    )


def rule_failing(config: Config) -> str:
    """Evaluations of a group of ours end in an error."""
    return f"{rule_failures(config)} > 0"


def rule_slow(config: Config) -> str:
    """Evaluating a group of ours takes most of the time there is until the next evaluation."""
    return f"{rule_load(config)} > {number(config.alerts.rule_evaluation_slow.above_ratio)}"


def rule_failures(_: Config) -> str:
    """Evaluations per second that end in an error, by group."""
    failures = rate(_of_rules(foreign.RULE_FAILURES), RATE_WINDOW)
    return sum_by((INSTANCE, foreign.RULE_GROUP), failures)


def rule_load(_: Config) -> str:
    """Share of its interval that a group's evaluation takes."""
    took, interval = (
        f"max by ({INSTANCE}, {foreign.RULE_GROUP}) ({_of_rules(name)})"
        for name in (foreign.RULE_GROUP_SECONDS, foreign.RULE_GROUP_INTERVAL_SECONDS)
    )
    return f"{took} / {interval}"


def refusing(config: Config) -> str:
    """A receiver of the collector does not take in what it is sent."""
    return f"{refused(config)} > 0"


def dropping(config: Config) -> str:
    """An exporter of the collector gives up what it cannot send."""
    return f"{dropped(config)} > 0"


def accepted(config: Config) -> str:
    """Items per second that receivers take in, by kind."""
    return _flow(foreign.COLLECTOR_ACCEPTED, foreign.RECEIVER, config)


def sent(config: Config) -> str:
    """Items per second that exporters send, by kind."""
    return _flow(foreign.COLLECTOR_SENT, foreign.EXPORTER, config)


def refused(config: Config) -> str:
    """Items per second that receivers refuse, by kind."""
    return _flow(foreign.COLLECTOR_REFUSED, foreign.RECEIVER, config)


def dropped(config: Config) -> str:
    """Items per second that exporters give up, by kind."""
    return _flow(foreign.COLLECTOR_DROPPED, foreign.EXPORTER, config)


def foreign_description(words: str, *labels: str) -> Text:
    """``words`` with the labels in braces, and the instance; there is no service to name."""
    values = {label: label_value(label) for label in (INSTANCE, *labels)}
    return lambda _: f"{words.format(**values)}."


def target_description(words: str) -> Text:
    """``words`` with the instance in braces, and the labels that tell which service."""

    def describe(config: Config) -> str:
        where = ", ".join(f"{label} {label_value(label)}" for label in config.service_labels)
        return f"{words.format(**{INSTANCE: label_value(INSTANCE)})} ({where})."

    return describe


def _targets(config: Config) -> str:
    names = (*config.group_names, (INSTANCE, INSTANCE))
    up = select(foreign.UP, config.selector)
    return rename_labels(names, max_by((exported for exported, _ in names), up))


def _known(seen_within: str, config: Config) -> str:
    on = label_list(config.service_labels)
    return f"and on ({on}) last_over_time({INSTANCES.name}[{seen_within}])"


def _of_rules(name: str) -> str:
    return select(name, [Matcher(foreign.RULE_GROUP, "=~", foreign.OUR_RULE_GROUPS)])


def _flow(names: Iterable[str], component: str, config: Config) -> str:
    """The sum over spellings: a collector may append ``_total``, by its settings.

    Names become values of a label, because ``or`` would take one of two series for the other.
    """
    each = (
        f'label_replace({_either_spelling(name, config)}, "{foreign.KIND}", '
        f'"{name.removeprefix(foreign.COLLECTOR).partition("_")[2]}", "", "")'
        for name in names
    )
    return sum_by((INSTANCE, component, foreign.KIND), "\n  or ".join(each))


def _either_spelling(name: str, config: Config) -> str:
    return " or ".join(
        rate(select(spelling, config.selector), RATE_WINDOW)
        for spelling in (name, f"{name}{foreign.COLLECTOR_SUFFIX}")
    )
