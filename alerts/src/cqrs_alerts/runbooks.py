"""Runbooks: one page per alert, words from ``runbook_texts``, facts from the alert itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from .alert import Rule
from .alerting import AnyAlert, alerts
from .config import Config
from .files import GENERATED_BY
from .inhibitions import causes_of
from .links import dashboard_url, runbook_page
from .settings import Setting, settings_of

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
            (*(_condition(rule, config) for rule in alert.rules(config)), *_causes(alert, config))
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


def _condition(rule: Rule, config: Config) -> str:
    severity = getattr(config.severities, rule.severity)
    return (
        f"It fires, as {severity}, when this has been so for {rule.for_}:\n\n"
        f"{_code('promql', rule.expression)}"
    )


def _causes(alert: AnyAlert, config: Config) -> Iterator[str]:
    found = causes_of(alert, config)
    if found:
        listed = "\n".join(
            f"- [{each.source}]({runbook_page(each.source)}): {each.why}." for each in found
        )
        yield f"The generated inhibition rules keep it back while one of these fires:\n\n{listed}"


def _severities(alert: AnyAlert, config: Config) -> str:
    levels = dict.fromkeys(rule.severity for rule in alert.rules(config))
    return ", ".join(getattr(config.severities, level) for level in levels)


def _diagnosis(alert: AnyAlert, config: Config) -> str:
    look = f'On the dashboard <{dashboard_url(alert.dashboard, config)}>: the row "{alert.row}".'
    queries = [
        f"{query.title}:\n\n{_code('promql', query.expression(config))}" for query in alert.queries
    ]
    if alert.spans:
        queries.append(f"Traces, in TraceQL:\n\n{_code('', alert.spans(config))}")
    return "\n\n".join((look, *queries))


def _yaml(alert: AnyAlert, settings: tuple[Setting, ...]) -> str:
    lines = (f"    {setting.yaml}  # {setting.description}" for setting in settings)
    return "\n".join((f"{alert.section}:", f"  {alert.key}:", *lines))


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
