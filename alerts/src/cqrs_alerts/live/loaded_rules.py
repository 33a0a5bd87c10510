"""What a server's loaded rules say of a series or an alert: missing, failing, or other rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..config import Config
from ..derived import labels_of_derived
from ..recording import RECORDINGS
from ..rule_files import recording_groups
from .causes import Cause, Diagnosis
from .prometheus import Rule
from .selectors import is_same, selectors

GENERATE = "generate the rules again with this cqrs.yaml, and reload Prometheus"

_NOT_LOADED = Diagnosis(
    Cause.RULES_NOT_LOADED,
    "Prometheus has not loaded the rules of cqrs-alerts",
    "write them with `cqrs-alerts generate --output DIR`, name DIR/*.yaml under rule_files in "
    "prometheus.yml and reload Prometheus",
)


class LoadedRules:
    """The rules of one server at one moment; ``rules`` is None where it does not list them."""

    def __init__(self, rules: list[Rule] | None, config: Config) -> None:
        self._known = rules is not None
        self._recording: dict[str, list[Rule]] = {}
        self._alerting: dict[str, list[Rule]] = {}
        for rule in rules or ():
            kind = self._recording if rule.kind == "recording" else self._alerting
            kind.setdefault(rule.name, []).append(rule)
        self._ours = {each.name for each in RECORDINGS} | labels_of_derived(config).keys()
        # Not when first asked for: several threads ask at once.
        self._differing = dict(_find_differing(config, self._recording))

    def diagnose_alert(self, name: str) -> Diagnosis | None:
        """Why an alert cannot fire; None when it is evaluated."""
        rules = self._alerting.get(name)
        return _diagnose_health(rules) if rules else _NOT_LOADED

    def diagnose(self, name: str) -> Diagnosis | None:
        """Why a series is not recorded as this configuration means it; None when it is."""
        if not self._known:
            return None  # go by the data alone
        rules = self._recording.get(name)
        if not rules:
            return self._diagnose_missing(name)
        return _diagnose_health(rules) or self._diagnose_difference(name)

    def _diagnose_missing(self, name: str) -> Diagnosis:
        if self._ours & self._recording.keys():
            return Diagnosis(
                Cause.RULES_NOT_LOADED,
                f"no loaded rule records {name}, others of cqrs-alerts are loaded",
                "the loaded rules are of another version: generate them again and reload",
            )
        return _NOT_LOADED

    def _diagnose_difference(self, name: str) -> Diagnosis | None:
        if name not in self._differing:
            return None
        first = next(iter(self._differing))
        return Diagnosis(
            Cause.RULES_DIFFER,
            "loaded recording rules differ from those that this cqrs.yaml generates: "
            f"{len(self._differing)}, such as {first}, {self._differing[first]}",
            f"{GENERATE}; or give the cqrs.yaml of the loaded rules by --config",
        )


def _find_differing(config: Config, loaded: Mapping[str, list[Rule]]) -> Iterator[tuple[str, str]]:
    """Names of series that are recorded otherwise, and how the loaded rule of each differs.

    A server may have rules of several configurations: one that is as generated is enough. Rulers
    may add labels to rules.
    """
    for group in recording_groups(config):
        for rule in group["rules"]:
            others = loaded.get(rule["record"])
            if not others:
                continue
            labels = rule.get("labels", {}).items()
            alike = [each.expression for each in others if labels <= each.labels.items()]
            if not any(is_same(each, rule["expr"]) for each in alike):
                yield rule["record"], _compare(rule["expr"], alike)


def _compare(expected: str, loaded: Sequence[str]) -> str:
    """How the first of the loaded expressions differs."""
    if not loaded:
        return "which is missing with some of its labels"
    try:
        read, wanted = (set(map(str, selectors(each))) for each in (loaded[0], expected))
    except ValueError:  # PromQL that the parser does not know, from another ruler
        return "which has another expression"
    differences = [
        f"{verb} {', '.join(sorted(names))}"
        for verb, names in (("reads", read - wanted), ("does not read", wanted - read))
        if names
    ]
    return f"which {' and '.join(differences) or 'has another expression'}"


def _diagnose_health(rules: list[Rule]) -> Diagnosis | None:
    for rule in rules:
        if rule.health == "err":
            return Diagnosis(
                Cause.RULE_FAILING,
                f"the rule {rule.name} fails: {rule.error}",
                "mend what the message says; `cqrs-alerts check` finds errors in rule files",
            )
    if all(rule.health != "ok" for rule in rules):
        return Diagnosis(
            Cause.RULE_NOT_EVALUATED,
            "the rules are loaded and have not been evaluated yet",
            "wait for one evaluation interval",
        )
    return None
