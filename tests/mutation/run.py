"""Do the tests of the rules notice when a rule is wrong? The share of mutants that they kill.

``make mutants`` runs it. Each mutant is one rule with one small change; promtool runs the cases of
that rule on it. A mutant that no case notices is listed, and is either a weak case or no change.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from equivalents import EQUIVALENT  # noqa: E402 - after the path is set
from mutants import Mutant, mutants  # noqa: E402
from tests.unit.alerts import test_recording, test_slo  # noqa: E402
from tests.unit.alerts.alert_cases import CASES  # noqa: E402
from tests.unit.alerts.alert_cases.case import DEFAULT, documents  # noqa: E402
from tests.unit.alerts.conftest import needed_rules  # noqa: E402

from cqrs_alerts.config import Config  # noqa: E402
from cqrs_alerts.rule_files import render_rules  # noqa: E402

PROMTOOL = ROOT / ".tools" / "bin" / "promtool"
REQUIRED = 0.95


@dataclass(frozen=True)
class Judge:
    """Rules, the mutants among them by name, and the promtool tests that have to notice."""

    config: Config
    rules: dict[str, str]
    names: tuple[str, ...]
    tests: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Verdict:
    """A mutant, and whether a case noticed it."""

    name: str
    mutant: Mutant
    killed: bool

    @property
    def entry(self) -> tuple[str, str]:
        """How ``equivalents`` names it."""
        return self.name, self.mutant.change


def alert_judges() -> Iterator[Judge]:
    """One per alert, with no more rules than it needs."""
    rules = render_rules(DEFAULT)
    for name, case in CASES.items():
        needed = needed_rules(name, rules)
        yield Judge(DEFAULT, needed, (name,), tuple(documents(case, DEFAULT)))


def objective_judges() -> Iterator[Judge]:
    """One per burn-rate alert."""
    for alert, config, tests in test_slo.burn_documents():
        yield Judge(config, needed_rules(alert, render_rules(config)), (alert,), tuple(tests))


def recording_judge() -> Judge:
    """All recording rules of rates, levels and quantiles, judged by their values."""
    config = test_recording.CONFIG
    names = tuple(series.name for series in test_recording.EXPECTED)
    rules = {"recording.yaml": render_rules(config)["recording.yaml"]}
    return Judge(config, rules, names, (test_recording.document(config),))


def judge(each: Judge, workers: ThreadPoolExecutor) -> list[Verdict]:
    """Run the tests on every mutant of the named rules."""
    if not _passes(each.rules, each):
        raise click.ClickException(f"{', '.join(each.names)}: the cases fail without a mutant")
    made = list(_mutated(each))
    killed = workers.map(lambda change: not _passes(change[2], each), made)
    return [
        Verdict(name, mutant, dead) for (name, mutant, _), dead in zip(made, killed, strict=True)
    ]


def _mutated(each: Judge) -> Iterator[tuple[str, Mutant, dict[str, str]]]:
    for file, text in each.rules.items():
        document = yaml.safe_load(text)
        for group in document["groups"]:
            for index, rule in enumerate(group["rules"]):
                name = rule.get("record") or rule["alert"]
                if name not in each.names:
                    continue
                for mutant in mutants(rule):
                    group["rules"][index] = mutant.rule
                    yield name, mutant, {**each.rules, file: yaml.safe_dump(document, width=10_000)}
                group["rules"][index] = rule


def _passes(rules: dict[str, str], each: Judge) -> bool:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for name, text in rules.items():
            (Path(folder) / name).write_text(text)
        groups = [g["name"] for text in rules.values() for g in yaml.safe_load(text)["groups"]]
        file = Path(folder) / "test.yaml"
        interval = each.config.scrape_interval
        file.write_text(
            yaml.safe_dump(
                {
                    "rule_files": list(rules),
                    "evaluation_interval": interval,
                    "group_eval_order": groups,
                    "fuzzy_compare": True,
                    "tests": [{"interval": interval, **test} for test in each.tests],
                },
                width=10_000,
            )
        )
        # A rule that no longer is one is noticed at the latest when Prometheus loads it.
        done = subprocess.run(
            [PROMTOOL, "test", "rules", file], capture_output=True, text=True, check=False
        )
        return done.returncode == 0


def report(verdicts: Iterable[Verdict], console: Console) -> float:
    """Print the share by rule and the survivors; the share of all."""
    counted = [each for each in verdicts if each.entry not in EQUIVALENT]
    whole, dead = Counter[str](), Counter[str]()
    for each in counted:
        whole[each.name] += 1
        dead[each.name] += each.killed
    table = Table("rule", "mutants", "killed", "share")
    for name, number in whole.items():
        table.add_row(name, str(number), str(dead[name]), f"{dead[name] / number:.0%}")
    console.print(table)
    for each in counted:
        if not each.killed:
            console.print(
                f"survives: {each.name}: {each.mutant.kind}: {each.mutant.change}", markup=False
            )
    share = dead.total() / max(whole.total(), 1)
    console.print(f"{whole.total()} mutants, {dead.total()} killed: {share:.1%}")
    return share


@click.command()
@click.option("--only", multiple=True, help="Rules whose name contains this; repeatable.")
def main(only: tuple[str, ...]) -> None:
    """Exit status 1 when fewer than 95 % of the mutants are killed."""
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(2) as workers:
        for each in (*alert_judges(), *objective_judges(), recording_judge()):
            if only and not any(part in name for part in only for name in each.names):
                continue
            verdicts += judge(each, workers)
    sys.exit(report(verdicts, Console()) < REQUIRED)


if __name__ == "__main__":
    main()
