"""The command line: what it writes, what it refuses, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from cqrs_alerts import cli, files, slo
from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.cli import main
from cqrs_alerts.inhibitions import INHIBITIONS_FILE
from waits import LIMIT

COMMAND = Path(sys.executable).with_name("cqrs-alerts")


def run(*arguments: object) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the working folder."""
    monkeypatch.chdir(tmp_path)


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_generate_writes_rules_and_runbooks(tmp_path: Path) -> None:
    """Two rule files, a page per alert and inhibitions, in folders that it makes."""
    result = run("generate", "--output", tmp_path / "a/b")
    assert result.exit_code == 0, result.output
    pages = {f"runbooks/{alert.name}.md" for alert in ALERTS}
    rules = {"recording.yaml", "alerts.yaml", INHIBITIONS_FILE}
    assert contents(tmp_path / "a/b").keys() == rules | pages
    assert not os.access(tmp_path / "a/b/alerts.yaml", os.X_OK)
    assert (tmp_path / "a/b/alerts.yaml").stat().st_mode & 0o444 == 0o444


def test_generate_is_deterministic(tmp_path: Path) -> None:
    """The same input gives the same bytes in another process with another hash seed."""
    for seed in ("1", "2"):
        subprocess.run(
            [COMMAND, "generate", "--output", tmp_path / seed],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            timeout=LIMIT,
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_generate_again_removes_only_its_own(tmp_path: Path) -> None:
    """The page of an alert that is off goes; a page that someone wrote stays."""
    run("generate", "--output", tmp_path, "--runbooks", tmp_path / "pages")
    (tmp_path / "pages/ours.md").write_text("# Ours\n")
    config = tmp_path / "cqrs.yaml"
    config.write_text("alerts: {telemetry_faults: {enabled: false}}")
    result = run(
        "generate", "--output", tmp_path, "--runbooks", tmp_path / "pages", "--config", config
    )
    assert "removed" in result.output
    left = contents(tmp_path / "pages")
    assert "CqrsTelemetryFaults.md" not in left
    assert "ours.md" in left
    rules = yaml.safe_load((tmp_path / "alerts.yaml").read_text())["groups"]
    assert "CqrsTelemetryFaults" not in {r["alert"] for group in rules for r in group["rules"]}


def test_without_any_alert_the_files_are_still_valid(tmp_path: Path) -> None:
    """All alerts off is a choice, not an error."""
    config = tmp_path / "cqrs.yaml"
    sections: dict[str, dict[str, Any]] = {"alerts": {}, "slos": {}}
    for alert in ALERTS:
        sections[alert.section][alert.key] = {"enabled": False}
    config.write_text(yaml.safe_dump(sections))
    assert run("generate", "--output", tmp_path / "out", "--config", config).exit_code == 0
    assert yaml.safe_load((tmp_path / "out/alerts.yaml").read_text()) == {"groups": []}


def test_bad_settings_leave_nothing(tmp_path: Path) -> None:
    """Exit status 2, the mistakes on stderr, no output folder."""
    config = tmp_path / "cqrs.yaml"
    config.write_text("naming: x\nzzz: 1\n")
    result = run("generate", "--output", tmp_path / "out", "--config", config)
    assert result.exit_code == 2
    assert f"{config}:1: naming: 'x'" in result.stderr
    assert f"{config}:2: zzz: " in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["generate", "metrics", "example"])
def test_output_that_cannot_be_written_is_named(command: str, tmp_path: Path) -> None:
    """A file where a folder has to be: exit status 2 and the path, for root as well."""
    (tmp_path / "file").write_text("mine")
    target = tmp_path / "file" / "below"
    result = run(command, "--output", target)
    assert result.exit_code == 2
    assert str(target) in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failing_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last file fails, the first is as it was, and no temporary file is left."""
    run("generate", "--output", tmp_path / "out")
    before = contents(tmp_path / "out")
    stage = files._stage

    def fail_at_last(target: Path, text: str) -> Path:
        if target.name == f"{ALERTS[-1].name}.md":
            raise OSError(28, "No space left on device")
        return stage(target, text)

    monkeypatch.setattr(files, "_stage", fail_at_last)
    config = tmp_path / "cqrs.yaml"
    config.write_text("group_labels: [namespace]")
    result = run("generate", "--output", tmp_path / "out", "--config", config)
    assert result.exit_code == 2
    assert f"{ALERTS[-1].name}.md: cannot be written: No space left" in result.stderr
    assert contents(tmp_path / "out") == before


def test_the_config_in_this_folder_is_the_default(tmp_path: Path) -> None:
    """A ``cqrs.yaml`` that is here is used, which is said; a wrong one is refused."""
    (tmp_path / "cqrs.yaml").write_text("group_labels: [namespace]")
    result = run("generate", "--output", tmp_path / "out")
    assert "settings are those of cqrs.yaml in this folder" in result.stderr
    assert "namespace" in (tmp_path / "out/alerts.yaml").read_text()
    (tmp_path / "cqrs.yaml").write_text("group_labls: [namespace]")
    refused = run("generate", "--output", tmp_path / "other")
    assert refused.exit_code == 2
    assert "cqrs.yaml:1: group_labls" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_generate_says_what_differs_from_the_last_output(tmp_path: Path) -> None:
    """Alerts that are new or gone, thresholds and durations before and after; nothing at first."""
    config = tmp_path / "cqrs.yaml"

    def generate(text: str) -> list[str]:
        config.write_text(text)
        done = run("generate", "--output", tmp_path / "out", "--config", config)
        assert done.exit_code == 0, done.output
        return [line.strip() for line in done.stdout.splitlines()]

    assert not any("last output" in line or "changed" in line for line in generate("{}"))
    assert "alerts.yaml: rules that differ from the last output: none" in generate("{}")
    lines = generate(
        "alerts:\n"
        "  command_latency_high: {above_ms: 2500, for: 5m, severity: critical}\n"
        "  target_down: {enabled: false}\n"
    )
    (changed,) = (line for line in lines if line.startswith("changed CqrsCommandLatencyHigh"))
    for part in ("1000 → 2500", "for 10m → 5m", "severity warning → critical"):
        assert part in changed
    assert any(line.startswith("removed CqrsTargetDown") for line in lines)
    assert any(line.startswith("added CqrsTargetDown") for line in generate("{}"))


def test_changes_beyond_a_screen_are_counted(tmp_path: Path) -> None:
    """All recording rules change with the group labels; twenty are named."""
    assert run("generate", "--output", tmp_path / "out").exit_code == 0
    config = tmp_path / "other.yaml"
    config.write_text("group_labels: [namespace, job]")
    done = run("generate", "--output", tmp_path / "out", "--config", config)
    assert "more" in done.stdout
    assert len(done.stdout.splitlines()) < 60


@pytest.mark.servers
def test_check_accepts_what_it_generates(promtool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and rules are fine by promtool, from PATH or by an option: exit status 0."""
    for options in ((), ("--promtool", promtool)):
        result = run("check", *options)
        assert result.exit_code == 0, result.output
        assert "promtool: accepts the rules" in result.output
        monkeypatch.setenv("PATH", "")


def test_check_counts_what_generate_writes(tmp_path: Path) -> None:
    """Every number that it prints is that of the files, also where settings change them."""
    config = tmp_path / "cqrs.yaml"
    config.write_text(
        "alerts: {telemetry_faults: {enabled: false}}\n"
        "slos: {query_availability: {types: [{type: Slow, objective: 0.95}]}}\n"
    )
    for options in ((), ("--config", config)):
        run("generate", "--output", tmp_path / "out", *options)
        groups = [
            group
            for name in ("recording", "alerts")
            for group in yaml.safe_load((tmp_path / f"out/{name}.yaml").read_text())["groups"]
        ]
        rules = [rule for group in groups for rule in group["rules"]]
        inhibitions = yaml.safe_load((tmp_path / "out" / INHIBITIONS_FILE).read_text())
        numbers = {
            "alerts": len({rule["alert"] for rule in rules if "alert" in rule}),
            "alerting rules": sum("alert" in rule for rule in rules),
            "recording rules": sum("record" in rule for rule in rules),
            "objectives": sum(rule.get("record") == slo.OBJECTIVE for rule in rules),
            "runbooks": len([*(tmp_path / "out/runbooks").iterdir()]),
            "inhibition rules": len(inhibitions["inhibit_rules"]),
        }
        told = ", ".join(f"{number} {what}" for what, number in numbers.items())
        assert f"well-formed: {told}\n" in run("check", *options).stdout


@pytest.mark.servers
def test_check_reports_what_promtool_finds(tmp_path: Path) -> None:
    """A selector that Prometheus cannot compile, a bad rule file: exit status 1 and its words."""
    config = tmp_path / "cqrs.yaml"
    config.write_text("""selector: ['namespace=~"("']""")
    result = run("check", "--config", config)
    assert result.exit_code == 1
    assert "missing closing" in result.stderr
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: a, rules: [{record: a, expr: 'sum('}]}]")
    result = run("check", rules)
    assert result.exit_code == 1
    assert "rules.yaml" in result.stderr


@pytest.mark.servers
def test_check_counts_what_is_in_the_files(tmp_path: Path) -> None:
    """Not what the settings would give."""
    rules = tmp_path / "rules.yaml"
    own = {"name": "own", "rules": [{"record": "a:b", "expr": "up"}, {"alert": "A", "expr": "up"}]}
    rules.write_text(yaml.safe_dump({"groups": [own]}))
    told = "well-formed: 1 groups, 1 alerts, 1 alerting rules, 1 recording rules\n"
    assert told in run("check", rules).stdout


@pytest.mark.parametrize("text", ["", "- a", "a: [", "groups: 3", "groups: [3]"])
def test_check_refuses_what_is_no_rule_file(text: str, tmp_path: Path) -> None:
    """Exit status 2 and the file's name."""
    (tmp_path / "rules.yaml").write_text(text)
    result = run("check", tmp_path / "rules.yaml")
    assert result.exit_code == 2
    assert "rules.yaml" in result.stderr


def test_check_without_promtool_says_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own checks still run; exit status 3, what was not checked, and where to get promtool.

    What somebody put into .tools/bin of the working directory is not run.
    """
    planted = tmp_path / ".tools" / "bin" / "promtool"
    planted.parent.mkdir(parents=True)
    planted.write_text("#!/bin/sh\n")
    planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("check")
    assert result.exit_code == 3
    assert "well-formed" in result.stdout
    assert "not checked: whether Prometheus accepts" in result.stderr
    assert "--promtool" in result.stderr
    (tmp_path / "cqrs.yaml").write_text("zzz: 1")
    assert run("check", "--config", "cqrs.yaml").exit_code == 2


def test_metrics_fills_the_readmes_region(tmp_path: Path) -> None:
    """Only what lies between the markers changes, and a second run changes nothing."""
    readme = tmp_path / "README.md"
    readme.write_text("# Mine\n<!-- metrics:begin -->\nwhat was there\n<!-- metrics:end -->\nend\n")
    assert run("metrics", "--readme", readme).exit_code == 0
    once = readme.read_text()
    assert once.startswith("# Mine\n<!-- metrics:begin -->\n\n| metric |")
    assert once.endswith("|\n\n<!-- metrics:end -->\nend\n")
    assert "what was there" not in once
    run("metrics", "--readme", readme)
    assert readme.read_text() == once


@pytest.mark.parametrize("text", ["# Mine\n", "<!-- metrics:end -->\n<!-- metrics:begin -->\n"])
def test_metrics_wants_the_markers(text: str, tmp_path: Path) -> None:
    """A file without the region is not guessed at: exit status 2, file unchanged."""
    readme = tmp_path / "README.md"
    readme.write_text(text)
    result = run("metrics", "--readme", readme, "--output", tmp_path / "metrics.md")
    assert result.exit_code == 2
    assert "<!-- metrics:begin -->" in result.stderr
    assert readme.read_text() == text
    assert not (tmp_path / "metrics.md").exists()


def test_metrics_and_example_print_without_output() -> None:
    """Both can be piped."""
    assert run("metrics").stdout.startswith("<!-- Generated by")
    assert yaml.safe_load(run("example").stdout)["group_labels"] == ["job"]


def test_regular_expressions_keep_the_table_whole(tmp_path: Path) -> None:
    """A ``|`` in a selector does not end a cell."""
    config = tmp_path / "cqrs.yaml"
    config.write_text("""selector: ['namespace=~"a|b"']""")
    text = run("metrics", "--config", config).stdout
    assert 'namespace=~"a\\|b"' in text
    recorded, _, _ = text.partition("## States of projections")  # tables of their own
    rows = [row for row in recorded.splitlines() if row.startswith("| `cqrs:")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {4}


def test_there_is_no_traceback() -> None:
    """The installed command ends a mistake with words alone."""
    done = subprocess.run(
        [COMMAND, "generate", "--output", "out", "--config", "missing.yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.returncode == 2
    assert done.stderr == "Error: missing.yaml:1: cannot be read: No such file or directory\n"


def test_help_and_version() -> None:
    """Every command explains itself."""
    for command in cli.main.commands.values():
        assert command.help
        assert all(p.help for p in command.params if p.param_type_name == "option")
    assert "0.1.0" in run("--version").output
