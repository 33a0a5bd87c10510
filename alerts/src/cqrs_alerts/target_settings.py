"""Settings of what is scraped: which targets count, what tells them apart, how often."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from cqrs_telemetry import catalog

from .label_names import ALERT_LABELS, INSTANCE, LE, NAME, STATE
from .naming import escape, recorded_label
from .promql import Matcher, duration_seconds, number, parse_matcher
from .setting_types import Duration
from .windows import RATE_WINDOW, SAMPLES_PER_WINDOW

_CATALOGUE_LABELS = frozenset(
    recorded_label(attribute) for metric in catalog.METRICS for attribute in metric.attributes
)


def _check_group_label(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_./-]*", name) or name.startswith("__"):
        raise ValueError("not a label name; use letters, digits and _, such as job or namespace")
    recorded = escape(name)
    if recorded == INSTANCE:
        raise ValueError("instances are summed, so that a restart does not start a new series")
    if recorded == LE:
        raise ValueError("histogram buckets use this label")
    if recorded == STATE:
        raise ValueError("states of projections use this label")
    if recorded in ALERT_LABELS:
        raise ValueError("alerts use this label")
    if recorded in _CATALOGUE_LABELS:
        raise ValueError("recorded series keep this label where they have it; leave it out")
    return name


def _check_unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("name at least one, such as job; else all services become one")
    if len(set(names)) < len(names):
        raise ValueError("names a label twice")
    if len(set(map(escape, names))) < len(names):
        raise ValueError("names two labels that recorded series would spell alike, with _")
    return names


def _check_sides(sides: tuple[catalog.Side, ...]) -> tuple[catalog.Side, ...]:
    if not sides:
        raise ValueError(f"name at least one of {', '.join(catalog.SIDES)}")
    if len(set(sides)) < len(sides):
        raise ValueError("names a side twice")
    return sides


def _read_matcher(value: Any) -> Any:
    if isinstance(value, Matcher):
        return value
    matcher = parse_matcher(str(value))
    if matcher.label in (LE, NAME) or escape(matcher.label) in _CATALOGUE_LABELS:
        raise ValueError(
            f"select targets, not message types: {matcher.label} is not on every metric"
        )
    return matcher


def _check_scrape_interval(value: str) -> str:
    window, interval = duration_seconds(RATE_WINDOW), duration_seconds(value)
    if not 0 < interval <= window / SAMPLES_PER_WINDOW:
        raise ValueError(
            f"rates over {RATE_WINDOW} need at least {SAMPLES_PER_WINDOW} samples: "
            f"at most {number(window / SAMPLES_PER_WINDOW)}s"
        )
    return value


GroupLabels = Annotated[
    tuple[Annotated[str, AfterValidator(_check_group_label)], ...], AfterValidator(_check_unique)
]
Selector = tuple[Annotated[Matcher, BeforeValidator(_read_matcher)], ...]
ScrapeInterval = Annotated[Duration, AfterValidator(_check_scrape_interval)]
Instrumented = Annotated[tuple[catalog.Side, ...], AfterValidator(_check_sides)]
