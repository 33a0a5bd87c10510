"""Settings of groups of rules, for whoever evaluates them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from cqrs_telemetry import catalog

from . import foreign_metrics as foreign
from .label_names import ALERT_LABELS, INSTANCE, LE, STATE
from .naming import recorded_label
from .setting_types import CLOSED, Count, Duration, Labels, LabelValues

_TAKEN = {
    *ALERT_LABELS,
    *(INSTANCE, LE, STATE),
    *(foreign.ALERT_STATE, foreign.RULE_GROUP, foreign.RECEIVER, foreign.EXPORTER, foreign.KIND),
    *(recorded_label(each) for metric in catalog.METRICS for each in metric.attributes),
}


def _check_labels(labels: Labels) -> Labels:
    for name, text in labels:
        if name in _TAKEN:
            raise ValueError(f"alerts use the label {name}; choose another name")
        if re.search(r"[{}]", text):
            raise ValueError(f"the value of {name} has to be without braces: it is no template")
    return labels


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
        LabelValues,
        AfterValidator(_check_labels),
        Field(description="labels of every alert, for routes of Alertmanager: {team: checkout}"),
    ] = Labels()
