"""Do the tests of the rules notice when a rule is wrong? The share of mutants that they kill.

``make mutants`` runs it. Each mutant is one rule with one small change; promtool runs the tests of
that rule on it. A mutant that no test notices is listed, and is either a weak test or no change.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from tests.mutation.equivalents import EQUIVALENT  # noqa: E402 - after the path is set
from tests.mutation.mutants import Mutant, mutants  # noqa: E402
from tests.unit.alerts import test_projection_state, test_recording, test_slo  # noqa: E402
from tests.unit.alerts.alert_cases import CASES  # noqa: E402
from tests.unit.alerts.alert_cases.case import DEFAULT, documents  # noqa: E402
from tests.unit.alerts.conftest import (  # noqa: E402
    chosen_rules,
    needed_rules,
    rule_name,
    write_unit_test,
)

from cqrs_alerts import rebuilds  # noqa: E402
from cqrs_alerts.projection_state import STATES_BOOL  # noqa: E402

PROMTOOL = ROOT / ".tools" / "bin" / "promtool"
REQUIRED = 0.95

Tests = Sequence[Mapping[str, Any]]
# Short runs, one after the other: collecting garbage in them only takes time.
_ENVIRONMENT = {**os.environ, "GOGC": "800"}


@dataclass(frozen=True)
class Judge:
    """Rules of one name among those it needs, and the promtool tests that have to notice.

    The tests are by how often they evaluate the rules.
    """

    name: str
    rules: Mapping[str, str]
    tests: Mapping[str, Tests]


@dataclass(frozen=True)
class Verdict:
    """A mutant, and whether a test noticed it."""

    name: str
    mutant: Mutant
    killed: bool

    @property
    def equivalent(self) -> bool:
        """Whether it is listed as no change of behaviour, and indeed shows none."""
        return not self.killed and (self.name, self.mutant.change) in EQUIVALENT

    def __str__(self) -> str:
        return f"{self.name}: {self.mutant.kind}: {self.mutant.change}"


def judges() -> Iterator[Judge]:
    """One for each alert and each recorded series."""
    yield from alert_judges()
    yield from recording_judges()


def alert_judges() -> Iterator[Judge]:
    """One per alert, with no more rules than its tests need."""
    for name, case in CASES.items():
        yield Judge(name, needed_rules(DEFAULT, name), documents(case, DEFAULT))
    for name in test_slo.BURN_ALERTS:
        edges = test_slo.edge_tests(name, DEFAULT)
        yield Judge(name, chosen_rules(DEFAULT, {name}), {DEFAULT.scrape_interval: edges})


def recording_judges() -> Iterator[Judge]:
    """One per recorded series: rates, levels and quantiles of raw series, objectives of rates."""
    for series in test_recording.EXPECTED:
        tests = test_recording.documents(DEFAULT, series)
        needed = needed_rules(DEFAULT, series.name)
        yield Judge(series.name, needed, {DEFAULT.scrape_interval: tests})
    config = test_projection_state.CONFIG
    states = needed_rules(config, STATES_BOOL, *rebuilds.meanings())
    for name, of_projections in test_projection_state.recorded_tests().items():
        yield Judge(name, states, {config.scrape_interval: of_projections})
    for name, (interval, of_objectives) in test_slo.recorded_tests(DEFAULT).items():
        yield Judge(name, chosen_rules(DEFAULT, {name}), {interval: of_objectives})


def judge(each: Judge, workers: ThreadPoolExecutor) -> list[Verdict]:
    """Run the tests on every mutant of the named rules."""
    if not _passes(each.rules, each):
        raise click.ClickException(f"{each.name}: the tests fail without a mutant")
    made = list(_mutated(each))
    if not made:
        raise click.ClickException(f"{each.name}: no such rule, or nothing in it to change")
    killed = workers.map(lambda change: not _passes(change[1], each), made)
    return [
        Verdict(each.name, mutant, dead) for (mutant, _), dead in zip(made, killed, strict=True)
    ]


def _mutated(each: Judge) -> Iterator[tuple[Mutant, dict[str, str]]]:
    for file, text in each.rules.items():
        document = yaml.safe_load(text)
        for group in document["groups"]:
            for index, rule in enumerate(group["rules"]):
                if rule_name(rule) != each.name:
                    continue
                for mutant in mutants(rule):
                    group["rules"][index] = mutant.rule
                    yield (
                        mutant,
                        {
                            **each.rules,
                            file: yaml.safe_dump(document, sort_keys=False, width=2**20),
                        },
                    )
                group["rules"][index] = rule


def _passes(rules: Mapping[str, str], each: Judge) -> bool:
    """Whether no test fails; the first one decides most often, so the others wait for it."""
    return all(
        _run(rules, tests, interval)
        for interval, every in each.tests.items()
        for tests in (every[:1], every[1:])
        if tests
    )


def _run(rules: Mapping[str, str], tests: Tests, interval: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        file = write_unit_test(Path(folder), rules, tests, interval)
        # A rule that no longer is one is noticed at the latest when Prometheus loads it.
        done = subprocess.run(
            [PROMTOOL, "test", "rules", file],
            capture_output=True, text=True, check=False, env=_ENVIRONMENT,
        )  # fmt: skip
        return done.returncode == 0


def check_equivalents(name: str, verdicts: Iterable[Verdict]) -> None:
    """Refuse an entry of ``equivalents`` that a test notices or that is no mutant any more."""
    listed = {change for rule, change in EQUIVALENT if rule == name}
    wrong = sorted(listed - {each.mutant.change for each in verdicts if each.equivalent})
    if wrong:
        raise click.ClickException(
            f"equivalents.py: {name}: {', '.join(wrong)}: a test notices it, or it is no mutant"
        )


def report(verdicts: Iterable[Verdict], console: Console) -> float:
    """Print the share by rule, then the share of all."""
    every = list(verdicts)
    counted = [each for each in every if not each.equivalent]
    whole, dead = Counter[str](), Counter[str]()
    for each in counted:
        whole[each.name] += 1
        dead[each.name] += each.killed
    table = Table("rule", "mutants", "killed", "share")
    for name, number in whole.items():
        table.add_row(name, str(number), str(dead[name]), f"{dead[name] / number:.0%}")
    console.print(table)
    share = dead.total() / max(whole.total(), 1)
    equivalent = len(every) - len(counted)
    console.print(
        f"{whole.total()} mutants, {dead.total()} killed: {share:.1%}; "
        f"{equivalent} more are no change, each for a reason that is given",
        soft_wrap=True,
    )
    return share


@click.command()
@click.option("--only", multiple=True, help="Rules whose name contains this; repeatable.")
def main(only: tuple[str, ...]) -> None:
    """Exit status 1 when fewer than 95 % of the mutants are killed."""
    console, verdicts = Console(), list[Verdict]()
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for each in judges():
            if only and not any(part in each.name for part in only):
                continue
            found = judge(each, workers)
            for verdict in found:
                if not verdict.killed and not verdict.equivalent:
                    console.print(f"survives: {verdict}", markup=False, soft_wrap=True)
            check_equivalents(each.name, found)
            verdicts += found
    sys.exit(report(verdicts, console) < REQUIRED)


if __name__ == "__main__":
    main()
