"""The commands: what they print, their exit status, and mistakes without a traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from cqrs_alerts import foreign_metrics, recording, slo
from cqrs_alerts.config import Config
from cqrs_alerts.config_file import read_config
from cqrs_alerts.links import DASHBOARD_UIDS
from cqrs_alerts.rule_files import render_rules
from cqrs_dashboards.cli import main

if TYPE_CHECKING:
    from .conftest import Servers


# Read what other rules record, so they come last.
SLOWEST = (slo.budget_remaining(Config()), foreign_metrics.RULE_GROUP_SECONDS)


def run(*arguments: str | Path) -> Result:
    """Run ``cqrs-dashboards``."""
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_generate_writes_all(tmp_path: Path) -> None:
    """One file per dashboard, each named on standard output."""
    result = run("generate", "--output", tmp_path / "new")
    assert result.exit_code == 0
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == sorted(f"{uid}.json" for uid in DASHBOARD_UIDS)
    assert all(name in result.output for name in names)


def test_select_writes_only_that(tmp_path: Path) -> None:
    """A selected dashboard is written, others are neither written nor deleted."""
    run("generate", "--output", tmp_path)
    (tmp_path / "cqrs-write-path.json").unlink()
    assert run("generate", "--output", tmp_path, "--select", "read-path").exit_code == 0
    assert len(list(tmp_path.iterdir())) == len(DASHBOARD_UIDS) - 1


def test_obsolete_dashboard_is_deleted_and_told(tmp_path: Path) -> None:
    """A dashboard of an earlier version goes, and the output says so."""
    old = {"uid": "cqrs-old", "tags": ["cqrs"], "panels": []}
    (tmp_path / "cqrs-old.json").write_text(json.dumps(old))
    result = run("generate", "--output", tmp_path)
    assert "deleted" in result.output
    assert not (tmp_path / "cqrs-old.json").exists()


def test_options_reach_the_json(tmp_path: Path) -> None:
    """Prefix, data source and configuration change what is written."""
    config = tmp_path / "cqrs.yaml"
    config.write_text("group_labels: [cluster, job]\n")
    result = run(
        "generate", "--output", tmp_path / "out", "--config", config,
        "--title-prefix", "EU", "--datasource-uid", "mimir",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "out" / "eu-cqrs-read-path.json").read_text())
    assert written["title"].startswith("EU ")
    source, cluster, *_ = written["templating"]["list"]
    assert source["current"]["value"] == "mimir"
    assert cluster["name"] == "cluster"


def test_the_section_on_dashboards_drives_both_commands(tmp_path: Path) -> None:
    """One prefix in cqrs.yaml: dashboards have it, alerts link to it, Grafana is told the path."""
    config = tmp_path / "cqrs.yaml"
    config.write_text("dashboards: {title_prefix: EU}\n")
    provider = tmp_path / "provisioning" / "cqrs.yaml"
    result = run(
        "generate", "--output", tmp_path / "out", "--config", config, "--provisioning", provider
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "eu-cqrs-slos.json").exists()
    assert "/eu-cqrs\n" in provider.read_text()
    assert "note" not in result.stderr
    rules = render_rules(read_config(config))
    assert "/d/eu-cqrs-slos" in rules["alerts.yaml"]
    assert "/d/cqrs-" not in rules["alerts.yaml"]


def test_a_prefix_that_alerts_do_not_know_is_told(tmp_path: Path) -> None:
    """Rules generated without it would link to dashboards that do not exist."""
    result = run("generate", "--output", tmp_path, "--title-prefix", "EU")
    assert result.exit_code == 0
    assert "dashboards.title_prefix: EU" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate"], "--output"),
        (["generate", "--output", "{file}/inside"], "{file}"),
        (["generate", "--output", "{dir}", "--config", "{dir}/none.yaml"], "none.yaml"),
        (["generate", "--output", "{dir}", "--config", "{config}"], "cqrs.yaml:1: group_label"),
        (["generate", "--output", "{dir}", "--select", "nothing"], "write-path"),
        (["generate", "--output", "{dir}", "--title-prefix", "!"], "needs a letter"),
        (["doctor"], "--prometheus"),
        (["doctor", "--prometheus", "localhost:9090"], "http://localhost:9090"),
        (["doctor", "--prometheus", "http://127.0.0.1:1"], "cannot be reached"),
        (["doctor", "--prometheus", "http://127.0.0.1:1", "--dashboards", "{dir}"], "no dashboard"),
        (
            [
                "doctor",
                "--prometheus",
                "http://127.0.0.1:1",
                "--dashboards",
                "{dir}",
                "--select",
                "slos",
            ],
            "leave out --dashboards",
        ),
        (
            ["preview", "--prometheus", "http://127.0.0.1:1", "--screenshot", "{dir}"],
            "cannot be reached",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Status 2 and a message that names what to mend; nothing half-written."""
    file, config, folder = tmp_path / "file", tmp_path / "cqrs.yaml", tmp_path / "folder"
    file.write_text("")
    config.write_text("group_label: [job]\n")
    folder.mkdir()
    names = {"file": file, "config": config, "dir": folder}
    result = run(*(each.format(**names) for each in arguments))
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert message.format(**names) in result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.servers
def test_doctor_on_a_healthy_server(servers: Servers, tmp_path: Path) -> None:
    """Status 0 with a line, or all rows; as JSON; files in place of freshly made dashboards."""
    server = servers("healthy")
    server.wait_for(*(f"{each.name} >= 0" for each in recording.RECORDINGS), *SLOWEST)
    summary = run("doctor", "--prometheus", server.url)
    assert summary.exit_code == 0, summary.output
    assert re.fullmatch(r"(\d+) examined at \S+: \1 ok\n", summary.output)
    rows = run("doctor", "--prometheus", server.url, "--verbose", "--select", "read-path")
    assert "ok  CQRS / Read path / Latency p95 by query type: " in rows.output
    assert "Write path" not in rows.output
    run("generate", "--output", tmp_path, "--select", "read-path")
    answer = run("doctor", "--prometheus", server.url, "--json", "--dashboards", tmp_path)
    assert answer.exit_code == 0
    found = json.loads(answer.output)
    assert found["ok"] is True
    assert {each["dashboard"] for each in found["findings"]} == {"CQRS / Read path", "Alerts"}


@pytest.mark.servers
def test_doctor_without_rules(servers: Servers) -> None:
    """Status 1, with the fix below its cause."""
    server = servers("without rules")
    server.wait_for("cqrs_command_total")
    result = run("doctor", "--prometheus", server.url)
    assert result.exit_code == 1
    assert "rule_files" in result.output
