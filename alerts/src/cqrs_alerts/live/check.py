"""Whether a live Prometheus has loaded our rules, evaluates them, and could ever fire them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import promql_parser

from .. import alerting, slo
from ..config import Config
from ..promql import duration_seconds
from ..rule_files import recording_groups
from ..windows import RATE_WINDOW, RATE_WINDOW_SECONDS
from .access import Access
from .causes import FAULTS, Diagnosis, most_fundamental
from .diagnosis import Examiner
from .loaded_rules import GENERATE
from .prometheus import Prometheus, Rule, RuleGroup
from .selectors import Selector, is_same, read_selector

Status = Literal[
    "ok", "idle", "missing", "differs", "failing", "waiting", "late", "uneven", "blind", "obsolete"
]

OUR_GROUPS = "cqrs."

Key = tuple[str, str, frozenset[tuple[str, str]]]  # group, name, labels


@dataclass(frozen=True)
class RuleFinding:
    """One rule, or a group as a whole when ``name`` is empty; ``why`` is empty when it is ok."""

    group: str
    name: str
    labels: tuple[tuple[str, str], ...]
    status: Status
    why: str = ""
    mend: str = ""


@dataclass(frozen=True)
class RuleReport:
    """What was found at ``prometheus``."""

    prometheus: str
    findings: tuple[RuleFinding, ...]

    @property
    def ok(self) -> bool:
        """Everything is loaded as it would be generated now, and evaluated in time."""
        return all(each.status in ("ok", "idle") for each in self.findings)


def check_live(access: Access | str, config: Config) -> RuleReport:
    """Compare a server's rules with those of a configuration, and ask what they wait for.

    Raises:
        PrometheusError: There is no Prometheus at that address that could be asked.
        QueryError: It does not tell which rules it has loaded.
    """
    with Prometheus(access) as prometheus:
        groups = [each for each in prometheus.rule_groups() if each.name.startswith(OUR_GROUPS)]
        examiner = Examiner(prometheus, config)
        return RuleReport(prometheus.url, tuple(_compare(groups, examiner, config)))


def _compare(groups: list[RuleGroup], examiner: Examiner, config: Config) -> Iterator[RuleFinding]:
    loaded = {
        _key(group.name, rule.name, rule.labels): rule for group in groups for rule in group.rules
    }
    for group in (*recording_groups(config), *alerting.rule_groups(config)):
        for rule in group["rules"]:
            key = _key(group["name"], rule.get("record") or rule["alert"], rule.get("labels", {}))
            yield _examine(key, rule, loaded.pop(key, None), examiner)
    for key in loaded:
        yield _finding(key, "obsolete", "is loaded, and would not be generated", GENERATE)
    limit = config.alerts.rule_evaluation_slow.above_ratio
    for found in groups:
        if found.evaluation_seconds > limit * found.interval_seconds:
            yield RuleFinding(
                found.name, "", (), "late",
                f"its evaluation takes {found.evaluation_seconds:.2g} s of "
                f"{found.interval_seconds:g} s",
                "fewer types, a longer evaluation interval, or more processors",
            )  # fmt: skip
        every = found.interval_seconds
        if every and RATE_WINDOW_SECONDS % every and _counts_events(found):
            yield RuleFinding(
                found.name, "", (), "uneven",
                f"it is evaluated every {every:g} s, of which {RATE_WINDOW} is no multiple: "
                "windows of objectives do not meet",
                "set evaluation_interval to 15s, 30s or 1m",
            )  # fmt: skip


def _counts_events(group: RuleGroup) -> bool:
    return any(rule.name == slo.events(RATE_WINDOW) for rule in group.rules)


def _examine(
    key: Key, expected: dict[str, Any], rule: Rule | None, examiner: Examiner
) -> RuleFinding:
    if rule is None:
        return _finding(
            key, "missing", "is not loaded", f"name its file under rule_files; {GENERATE}"
        )
    if difference := _difference(rule, expected):
        return _finding(key, "differs", difference, GENERATE)
    if rule.health == "err":
        return _finding(key, "failing", rule.error, "mend what the message says")
    if rule.health != "ok":
        return _finding(key, "waiting", "has not been evaluated yet", "wait for one interval")
    if "alert" not in expected:
        return _finding(key, "ok")
    missing = _missing(promql_parser.parse(expected["expr"]), examiner.diagnose)
    if not missing:
        return _finding(key, "ok")
    worst = most_fundamental(missing)
    status: Status = "blind" if worst.cause in FAULTS else "idle"
    return _finding(key, status, f"cannot fire now: {worst.why}", worst.mend)


def _difference(rule: Rule, expected: dict[str, Any]) -> str:
    """What a loaded rule has that would be generated otherwise; empty when nothing."""
    if not is_same(rule.expression, expected["expr"]):
        return "has another expression"
    for key, does, seconds in (
        ("for", "waits", rule.for_seconds),
        ("keep_firing_for", "goes on firing", rule.keep_firing_seconds),
    ):
        wanted = expected.get(key, "0s")
        if seconds != duration_seconds(wanted):
            return f"{does} {seconds:g} s, not {wanted}"
    annotations = expected.get("annotations", {})
    others = [key for key in annotations if rule.annotations.get(key) != annotations[key]]
    return f"has another {others[0]}" if others else ""


def _missing(node: Any, diagnose: Callable[[Selector], Diagnosis | None]) -> list[Diagnosis]:
    """Why what an expression needs is not there; it needs not what it only excludes by."""
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = (_missing(each, diagnose) for each in (node.lhs, node.rhs))
        operator = str(node).removeprefix(str(node.lhs)).split()[0]
        if operator == "unless":
            return left
        if operator == "or":
            return [*left, *right] if left and right else []
        return [*left, *right]
    if isinstance(node, promql_parser.Call):
        return [each for inner in node.args for each in _missing(inner, diagnose)]
    for name in ("expr", "vector_selector"):
        if inner := getattr(node, name, None):
            return _missing(inner, diagnose)
    if isinstance(node, promql_parser.VectorSelector):
        found = diagnose(read_selector(node))
        return [found] if found else []
    return []


def _key(group: str, name: str, labels: dict[str, str]) -> Key:
    return group, name, frozenset(labels.items())


def _finding(key: Key, status: Status, why: str = "", mend: str = "") -> RuleFinding:
    group, name, labels = key
    return RuleFinding(group, name, tuple(sorted(labels)), status, why, mend)
