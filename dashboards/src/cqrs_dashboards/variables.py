"""Template variables: the group labels of the configuration, then the message types."""

from __future__ import annotations

from collections.abc import Sequence

from cqrs_alerts.config import Config
from cqrs_alerts.label_names import NAME, SLO
from cqrs_alerts.promql import Matcher, select
from cqrs_alerts.recording import Recording
from cqrs_alerts.slo import OBJECTIVE
from cqrs_telemetry.catalog import Attribute

from .model import Variable
from .queries import Queries, label_title, variable_name


def group_variables(config: Config, recordings: Sequence[Recording]) -> tuple[Variable, ...]:
    """One variable per group label; each is narrowed by those before it.

    ``recordings`` are what the dashboard shows: a service may have one of them and not another.
    """
    names = "|".join(recording.name for recording in recordings)
    chosen: list[Matcher] = []
    variables = []
    for label in config.service_labels:
        selector = select("", (Matcher(NAME, "=~", names), *chosen))
        variables.append(
            Variable(label, label_title(label), f"Value of the label {label}", selector, label)
        )
        chosen.append(Matcher(label, "=~", f"${label}"))
    return tuple(variables)


def type_variable(
    queries: Queries, recording: Recording, attribute: Attribute, title: str
) -> Variable:
    """The variable that chooses an attribute's values, within the chosen groups."""
    config = queries.config
    groups = (Matcher(label, "=~", f"${label}") for label in config.service_labels)
    return Variable(
        variable_name(attribute),
        title,
        attribute.description,
        select(recording.name, groups),
        queries.label(attribute),
    )


def objective_variable(queries: Queries) -> Variable:
    """The variable that chooses objectives, within the chosen groups."""
    return Variable(
        SLO,
        "Objective",
        "Service level objective, as the section slos of the configuration names it",
        select(OBJECTIVE, queries.groups()),
        SLO,
    )
