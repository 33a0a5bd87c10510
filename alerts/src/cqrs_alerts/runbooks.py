"""Runbooks: one page per alert, words from ``runbook_texts``, facts from the alert itself."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files

from cqrs_telemetry import catalog

from .alert import Rule
from .alerting import AnyAlert, alerts
from .config import Config
from .derived import labels_of_derived
from .exemptions import describe, exemptions_of
from .files import GENERATED_BY
from .inhibitions import causes_of
from .label_names import SLO
from .links import CHOICES, dashboard_url, runbook_page
from .naming import recorded_label
from .promql import duration_seconds
from .recording import RECORDINGS
from .recording_rules import labels as recorded_labels
from .settings import Setting, settings_of
from .slo_alerts import BurnAlert

# A recorded series with the matchers that it has; a value may hold a brace.
_RECORDED = re.compile(r'(?P<name>cqrs:[\w:]+)(?:{(?P<matchers>(?:[^"}]|"(?:\\.|[^"\\])*")*)})?')
_MINUTE = 60  # seconds
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Tuning")


def render_runbooks(config: Config) -> dict[str, str]:
    """Text of each alert's page by its file name."""
    return {runbook_page(alert.name): _page(alert, config) for alert in alerts(config)}


def read_words(alert: AnyAlert) -> dict[str, str]:
    """The words of an alert's runbook by section.

    Raises:
        ValueError: A section is missing, empty, unknown or out of order.
    """
    page = files("cqrs_alerts") / "runbook_texts" / runbook_page(alert.name)
    text = page.read_text("utf-8")
    before, *parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    words = {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
    if before.strip() or tuple(words) != SECTIONS or not all(words.values()):
        raise ValueError(f"{alert.name}.md needs the sections {', '.join(SECTIONS)}, none empty")
    return words


def _page(alert: AnyAlert, config: Config) -> str:
    settings = alert.settings(config)
    facts = {
        "Meaning": "\n\n".join(
            (
                *(_condition(alert, rule, config) for rule in alert.rules(config)),
                *_causes(alert, config),
                *_exemptions(alert, config),
            )
        ),
        "Diagnosis": _diagnosis(alert, config),
        "Tuning": "In `cqrs.yaml`; then generate the rules again and reload Prometheus:\n\n"
        + _code("yaml", _yaml(alert, settings_of(settings))),
    }
    words = read_words(alert)
    sections = [
        "\n\n".join(filter(None, (f"## {name}", words[name], facts.get(name)))) for name in SECTIONS
    ]
    head = (
        f"<!-- {GENERATED_BY}; its words are in runbook_texts/{alert.name}.md. -->\n"
        f"# {alert.name}\n\n"
        f"{alert.summary}.\n\n"
        f"Side: {alert.side} · severity: {_severities(alert, config)} · "
        f"dashboard: <{dashboard_url(alert.dashboard, config)}>"
    )
    return "\n\n".join((head, *sections)) + "\n"


def _condition(alert: AnyAlert, rule: Rule, config: Config) -> str:
    severity = getattr(config.severities, rule.severity)
    return (
        f"It fires, as {severity}, when this has been so for {rule.for_}:\n\n"
        f"{_code('promql', rule.expression)}\n\n"
        f"Time to detection: {_detection(alert, rule, config)}. "
        "A scrape and an evaluation come on top."
    )


def _detection(alert: AnyAlert, rule: Rule, config: Config) -> str:
    """When an alert fires after its cause sets in, as the conditions and settings make it."""
    least = duration_seconds(rule.for_) + duration_seconds(config.rules.query_offset)
    most = least + duration_seconds(rule.holds_within)
    if isinstance(alert, BurnAlert):
        own = ", ".join(
            f"{_minutes(least + duration_seconds(within))} for {kind}"
            for kind, within in rule.own_hold_within.items()
        )
        return f"{_minutes(most)}{f' ({own})' if own else ''} while all is bad, longer the less is"
    if most == least:
        return f"{_spell(least)} after the cause sets in"
    return f"{_spell(least)} to {_spell(most)} after the cause sets in"


def _spell(seconds: float) -> str:
    return _minutes(seconds) if seconds >= _MINUTE else f"{math.ceil(seconds)}s"


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / _MINUTE)}m"


def _causes(alert: AnyAlert, config: Config) -> Iterator[str]:
    found = causes_of(alert, config)
    if found:
        listed = "\n".join(
            f"- [{each.source}]({runbook_page(each.source)}): {each.why}." for each in found
        )
        yield f"The generated inhibition rules keep it back while one of these fires:\n\n{listed}"


def _exemptions(alert: AnyAlert, config: Config) -> Iterator[str]:
    found = exemptions_of(alert.key, config)
    if found:
        listed = "\n".join(f"- {describe(each)}." for each in found)
        yield f"It does not fire for what is exempt:\n\n{listed}"


def _severities(alert: AnyAlert, config: Config) -> str:
    levels = dict.fromkeys(rule.severity for rule in alert.rules(config))
    return ", ".join(getattr(config.severities, level) for level in levels)


def _diagnosis(alert: AnyAlert, config: Config) -> str:
    look = f'On the dashboard <{dashboard_url(alert.dashboard, config)}>: the row "{alert.row}".'
    labels = alert.labels(config)
    queries = [
        f"{query.title}:\n\n{_code('promql', narrow(query.expression(config), labels, config))}"
        for query in alert.queries
    ]
    used = [f"`${each}`" for each in labels if any(f'"${each}"' in query for query in queries)]
    if used:
        queries.insert(
            0, f"In these queries, put the values of the alert's labels for {' and '.join(used)}."
        )
    if alert.spans:
        queries.append(f"Traces, in TraceQL:\n\n{_code('', alert.spans(config))}")
    return "\n\n".join((look, *queries))


def narrow(expression: str, labels: Sequence[str], config: Config) -> str:
    """An expression on what an alert is about: ``$job`` stands for the value of its label job.

    By service, message type and objective. A projection, its watcher and its readers may be several
    services, so that what tells of projections is narrowed by what these have in common.
    """
    known = {
        **{each.name: recorded_labels(each, config) for each in RECORDINGS},
        **labels_of_derived(config),
    }
    projection = recorded_label(catalog.PROJECTION_NAME)

    def select(found: re.Match[str]) -> str:
        own, given = known[found["name"]], found["matchers"] or ""
        across = projection in labels or (projection in own and SLO not in own)
        services = config.shared_labels if across else config.service_labels
        added = (
            f'{label}="${label}"'
            for label in (*services, *CHOICES.values())
            if label in labels and label in own and not re.search(rf"\b{label}[=!]", given)
        )
        matchers = ", ".join([*added, *([given] if given else [])])
        return f"{found['name']}{{{matchers}}}" if matchers else found["name"]

    return _RECORDED.sub(select, expression)


def _yaml(alert: AnyAlert, settings: tuple[Setting, ...]) -> str:
    lines = (f"    {setting.yaml}  # {setting.description}" for setting in settings)
    return "\n".join((f"{alert.section}:", f"  {alert.key}:", *lines))


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
