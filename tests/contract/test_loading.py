"""The steps of alerts/README.md, on a real Prometheus that runs and has rules of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cqrs_alerts import slo
from cqrs_alerts.config import Config
from cqrs_alerts.rule_files import render_rules
from orders.demo.ports import choose_ports
from orders.demo.prometheus import require_server
from waits import LIMIT, wait_for

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join(
    [str(Path(sys.executable).parent), str(ROOT / ".tools/bin"), os.environ["PATH"]]
)
OWN_RULES = "groups: [{name: shop, rules: [{record: 'shop:targets:sum', expr: sum(up)}]}]"


def section(heading: str) -> str:
    """A section of the README, up to the next heading."""
    (text,) = re.findall(
        rf"^#+ {heading}\n(.*?)(?=^#)", (ROOT / "alerts/README.md").read_text() + "#", re.M | re.S
    )
    return str(text)


def blocks(text: str) -> list[str]:
    """What is fenced in a section, in order."""
    return re.findall(r"^```\w+\n(.*?)^```$", text, re.M | re.S)


LOADING = section("Load the rules")
COPY, RULE_FILES, ASK_AND_RELOAD, CHECK = blocks(LOADING)
ASK, POST = ASK_AND_RELOAD.splitlines()
(SIGNAL,) = re.findall(r"`(kill .*)`", LOADING)
LIFECYCLE, RETENTION = re.findall(r"`(--.*?)`", LOADING)


@dataclass(frozen=True)
class Installation:
    """A Prometheus that runs with a configuration of its own, which README calls by other names."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.folder / "prometheus.yml"

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run what README says to, as it stands there."""
        for name, here in {
            "/etc/prometheus": str(self.folder),
            "http://localhost:9090": self.url,
            "PID": str(self.process.pid),
        }.items():
            code = code.replace(name, here)
        return subprocess.run(
            ["sh", "-e", "-c", code],
            cwd=ROOT, env={**os.environ, "PATH": PATH}, capture_output=True, text=True, check=False,
            timeout=LIMIT,
        )  # fmt: skip

    def do(self, code: str) -> None:
        """Run what has to succeed."""
        done = self.run(code)
        assert done.returncode == 0, done.stdout + done.stderr

    def check(self, *options: str) -> dict[str, Any]:
        """What ``cqrs-alerts check --prometheus`` says."""
        found: dict[str, Any] = json.loads(
            self.run(" ".join([CHECK.strip(), "--json", *options])).stdout
        )
        return found

    def loaded(self) -> dict[str, list[str]]:
        """Names of the rules that it has, by group."""
        return {group["name"]: [rule["name"] for rule in group["rules"]] for group in self._groups}

    def rules(self) -> list[dict[str, Any]]:
        """The rules as Prometheus tells them."""
        return [rule for group in self._groups for rule in group["rules"]]

    @property
    def _groups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v1/rules").json()["data"]["groups"]
        return found

    def value(self, query: str) -> float:
        """The value of the one series that a query finds."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).json()
        ((_, value),) = (series["value"] for series in answer["data"]["result"])
        return float(value)


def names(*files: str) -> dict[str, list[str]]:
    """Names of the rules in the text of some files, by group."""
    return {
        group["name"]: [rule.get("record") or rule["alert"] for rule in group["rules"]]
        for text in files
        for group in yaml.safe_load(text)["groups"]
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Starts a Prometheus with flags, which scrapes a service with traffic, and itself."""
    ports = choose_ports({"service": None, "exemplars": None, "prometheus": None})
    service, exemplars, prometheus = map(str, ports.values())
    shop = [sys.executable, str(ROOT / "tests/browser/shop.py"), service, exemplars]
    itself = f"127.0.0.1:{prometheus}"
    processes = [subprocess.Popen(shop)]

    def run(*flags: str) -> Installation:
        folder = tmp_path / "etc"
        folder.mkdir()
        (folder / "shop.yaml").write_text(OWN_RULES)
        document = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["shop.yaml"],
            "scrape_configs": [
                {"job_name": "shop", "static_configs": [{"targets": [f"127.0.0.1:{service}"]}]},
                {"job_name": "prometheus", "static_configs": [{"targets": [itself]}]},
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    require_server("prometheus"),
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={tmp_path / 'data'}",
                    f"--web.listen-address={itself}",
                    *flags,
                ],
                stdout=log,
                stderr=log,
            )
        processes.append(process)
        installation = Installation(folder, f"http://{itself}", process)
        wait_for(
            "ready Prometheus",
            lambda: is_ready(installation),
            saw=lambda: (tmp_path / "log").read_text()[-2000:],
        )
        return installation

    yield run
    for process in processes:
        process.terminate()
        process.wait(LIMIT)


def is_ready(installation: Installation) -> bool:
    """Whether it answers; one that has ended fails the test."""
    assert installation.process.poll() is None, "Prometheus has ended by itself"
    try:
        return httpx.get(f"{installation.url}/-/ready").is_success
    except httpx.TransportError:
        return False


def prepare(installation: Installation) -> None:
    """Everything but the reload, as README says."""
    installation.do(COPY)
    document = yaml.safe_load(installation.config.read_text())
    document |= yaml.safe_load(RULE_FILES)
    installation.config.write_text(yaml.safe_dump(document))
    installation.do(ASK)


def wait_until_checked(installation: Installation, *options: str) -> None:
    """Wait until README's last step is content: each rule is loaded, and evaluated in time."""
    said = ""

    def is_content() -> bool:
        nonlocal said
        done = installation.run(" ".join([CHECK.strip(), *options]))
        said = done.stdout + done.stderr
        return done.returncode == 0

    wait_for("content check", is_content, saw=lambda: said, period=0.5)


@pytest.mark.parametrize(
    ("flags", "reload"),
    [([LIFECYCLE, RETENTION], POST), ([RETENTION], SIGNAL)],
    ids=["POST", "SIGHUP"],
)
def test_rules_load_as_documented(
    start: Callable[..., Installation], flags: list[str], reload: str
) -> None:
    """Both ways to reload bring just these rules, beside what was there; none is forgotten."""
    installation = start(*flags)
    prepare(installation)
    if LIFECYCLE not in flags:
        assert installation.run(POST).returncode, "README says that this is refused"
    forgotten = installation.check()
    assert not forgotten["ok"]
    assert {rule["status"] for rule in forgotten["rules"]} == {"missing"}
    assert all("reload Prometheus" in rule["mend"] for rule in forgotten["rules"])
    installation.do(reload)
    wait_until_checked(installation)
    assert installation.loaded() == names(OWN_RULES, *render_rules(Config()).values())


def test_a_changed_objective_changes_everything(
    start: Callable[..., Installation], tmp_path: Path
) -> None:
    """README's other objectives reach rules, values, alerts, dashboards and runbooks alike."""
    installation = start(LIFECYCLE, RETENTION)
    prepare(installation)
    settings, generate = blocks(section("Objectives"))
    (tmp_path / "cqrs.yaml").write_text(settings)
    for here in ("--config ", "--output "):
        generate = generate.replace(f"{here}cqrs.yaml", f"{here}{tmp_path}/cqrs.yaml")
        generate = generate.replace(f"{here}dashboards", f"{here}{tmp_path}/dashboards")
    changed = yaml.safe_load(settings)["slos"]
    after = (changed["command_latency"]["within_ms"], changed["query_availability"]["objective"])
    default = Config().slos
    before = (default.command_latency.within_ms, default.query_availability.objective)
    installation.do(ASK_AND_RELOAD)
    wait_until_checked(installation)
    assert [told(installation, *each) for each in (before, after)] == [(True, True), (False, False)]
    installation.do(generate)
    wait_until_checked(installation, f"--config {tmp_path}/cqrs.yaml")
    assert [told(installation, *each) for each in (before, after)] == [(False, False), (True, True)]
    promised = f'{slo.OBJECTIVE}{{slo="{slo.QUERY_AVAILABILITY.name}"}}'
    assert installation.value(promised) == after[1]
    dashboard = json.loads((tmp_path / "dashboards/cqrs-write-path.json").read_text())
    (panel,) = (each for each in dashboard["panels"] if each["title"] == "Latency percentiles")
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"] == after[0]
    runbook = (installation.folder / "cqrs/runbooks/CqrsCommandLatencyBurn.md").read_text()
    assert f"within_ms: {after[0]} " in runbook


def told(installation: Installation, within_ms: float, objective: float) -> tuple[bool, bool]:
    """Whether the rule on slow commands counts to a bound, and an alert tells what was promised."""
    rules = installation.rules()
    slow = next(
        each["query"]
        for each in rules
        if each["name"] == slo.bad_events("5m")
        and each["labels"]["slo"] == slo.COMMAND_LATENCY.name
    )
    words = next(
        each["annotations"]["description"]
        for each in rules
        if each["name"] == "CqrsQueryAvailabilityBurn"
    )
    bound = re.search(rf'le=~?"{within_ms:g}(\W|")', slow)
    return bound is not None, f" {objective * 100:g} %" in words


def test_what_prometheus_refuses_changes_nothing(start: Callable[..., Installation]) -> None:
    """A broken rule file fails the steps before and at the reload, and the old rules stay."""
    installation = start(LIFECYCLE)
    prepare(installation)
    (installation.folder / "cqrs/recording.yaml").write_text("groups: [{name: broken}, {}]")
    assert installation.run(ASK).returncode
    assert installation.run(POST).returncode
    assert installation.loaded() == names(OWN_RULES)
