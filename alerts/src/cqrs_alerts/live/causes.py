"""Why a panel can be empty, most fundamental first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """A reason for missing data; its value is what the JSON report says."""

    QUERY_REFUSED = "query refused"
    RULES_NOT_LOADED = "rules not loaded"
    RULE_FAILING = "rule failing"
    RULE_NOT_EVALUATED = "rule not evaluated yet"
    RULES_DIFFER = "rules of another configuration"
    OTHER_NAMING = "other naming in use"
    NO_TARGETS = "no targets"
    TARGETS_DOWN = "targets down"
    NOT_SCRAPING_ITSELF = "Prometheus does not scrape itself"
    NO_COLLECTOR = "no collector seen"
    NEVER_SEEN = "metric never seen"
    STALE = "metric no longer reported"
    SELECTOR_EXCLUDES = "selector excludes all"
    NOT_INSTRUMENTED = "side not instrumented"
    NOT_APPLIED = "events not applied"
    NO_TIMESTAMPS = "events without timestamps"
    ONE_SAMPLE = "only one sample yet"
    NOT_RECORDED_YET = "not recorded yet"
    OTHER_BUCKETS = "other buckets"
    LABEL_MISSING = "label missing"
    VALUE_MISSING = "no such label value"
    NO_FAILURES = "no failures yet"
    NO_TRAFFIC = "no traffic"
    NOT_IN_USE = "not in use"
    UNEXPLAINED = "unexplained"


_ORDER = list(Cause)
# These pass with time or traffic, or are as intended; the others need a fix.
_HARMLESS = {
    Cause.RULE_NOT_EVALUATED, Cause.NO_COLLECTOR, Cause.ONE_SAMPLE, Cause.NOT_RECORDED_YET,
    Cause.VALUE_MISSING, Cause.NO_FAILURES, Cause.NO_TRAFFIC, Cause.NOT_IN_USE, Cause.UNEXPLAINED,
}  # fmt: skip
FAULTS = frozenset(Cause) - _HARMLESS


@dataclass(frozen=True)
class Diagnosis:
    """Why something is empty, and what mends it."""

    cause: Cause
    why: str
    mend: str


def most_fundamental(diagnoses: list[Diagnosis]) -> Diagnosis:
    """The one to mend first; of equals the last, which in our queries is the base of a zero."""
    return min(reversed(diagnoses), key=lambda each: _ORDER.index(each.cause))
