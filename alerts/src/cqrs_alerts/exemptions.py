"""What is planned does not fire: exemptions from alerts, by label and by time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .config import Config
from .exemption_settings import Exemption
from .promql import label_list
from .schedules import LOCAL_TIME, TIME_ZONE, UTC, local_time, within


def exemptions_of(key: str, config: Config) -> tuple[Exemption, ...]:
    """The exemptions from an alert, which is named by its key."""
    return tuple(each for each in config.exemptions if key in each.alerts)


def exempted(expression: str, key: str, config: Config) -> str:
    """The alert's expression without what is exempt from it."""
    chosen = exemptions_of(key, config)
    if not chosen:
        return expression
    return "\n".join((f"({expression})", *map(_unless, chosen)))


def describe(exemption: Exemption) -> str:
    """What is exempt, when and why, in a sentence."""
    labels = " and ".join(f'`{name}="{value}"`' for name, value in exemption.labels)
    times = ""
    for word, hours in (("during", exemption.during), ("outside", exemption.outside)):
        if hours:
            times = f" {word} {', '.join(hours)} ({exemption.time_zone})"
    return f"{labels or 'everything'}{times}: {exemption.reason}"


def units(config: Config) -> Iterator[list[dict[str, Any]]]:
    """Recording rules of the local time in each zone that hours are in."""
    for zone in dict.fromkeys(each.time_zone for each in config.exemptions):
        if zone != UTC:
            yield [{"record": LOCAL_TIME, "expr": local_time(zone), "labels": {TIME_ZONE: zone}}]


def _unless(exemption: Exemption) -> str:
    holds = "vector(1)"
    if exemption.during:
        holds = f"{within(exemption.during, exemption.time_zone)} > 0"
    if exemption.outside:
        holds = f"{within(exemption.outside, exemption.time_zone)} == 0"
    for name, value in exemption.labels:
        holds = f'label_replace({holds}, "{name}", {_text(value)}, "", "")'
    return f"unless on ({label_list([name for name, _ in exemption.labels])}) ({holds})"


def _text(value: str) -> str:
    """A replacement in PromQL's quotes; ``$`` would refer to what was matched."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'
