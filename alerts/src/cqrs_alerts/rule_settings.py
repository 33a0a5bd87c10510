"""Settings of groups of rules, for whoever evaluates them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, InstanceOf, PlainSerializer
from pydantic.dataclasses import dataclass

from cqrs_telemetry import catalog

from .label_names import ALERT_LABELS, INSTANCE, LE, STATE
from .naming import recorded_label
from .setting_types import CLOSED, Count, Duration

_TAKEN = {
    *ALERT_LABELS,
    *(INSTANCE, LE, STATE),
    *(recorded_label(each) for metric in catalog.METRICS for each in metric.attributes),
}


class Labels(tuple[tuple[str, str], ...]):
    """Names of labels with their values, which do not change."""

    __slots__ = ()


def _read_labels(value: Any) -> Any:
    if isinstance(value, Labels):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("write names with their values, such as {team: checkout}")
    for name, text in value.items():
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", str(name)) or str(name).startswith("__"):
            raise ValueError(f"{name} is not a label name; use letters, digits and _, such as team")
        if name in _TAKEN:
            raise ValueError(f"alerts use the label {name}; choose another name")
        if not isinstance(text, str) or not text or re.search(r"[{}\n]", text):
            raise ValueError(
                f"the value of {name} has to be text without braces, such as {{{name}: checkout}}; "
                'numbers need quotes: "1"'
            )
    return Labels(value.items())


@dataclass(frozen=True, config=CLOSED)
class RuleSettings:
    """How groups of rules are evaluated, and what all alerts carry."""

    query_offset: Annotated[
        Duration,
        Field(
            description="how long ago is asked about, where samples arrive late, as by remote "
            "write; not for Prometheus before 2.53"
        ),
    ] = "0s"
    limit: Annotated[
        Count, Field(description="series or alerts that a rule may yield, else it fails; 0 is any")
    ] = 0
    labels: Annotated[
        InstanceOf[Labels],
        BeforeValidator(_read_labels),
        PlainSerializer(dict),
        Field(description="labels of every alert, for routes of Alertmanager: {team: checkout}"),
    ] = Labels()
