"""The README's code blocks, run as a reader would."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from cqrs_alerts.naming import series_name
from cqrs_alerts.recording import RECORDINGS
from cqrs_telemetry.catalog import METRICS
from waits import LIMIT

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    """Fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[str]:
    """Lines of the shell blocks that start with one program."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.split()[0] == program]


class OutOfStock(Exception):  # noqa: N818 - named as a domain would
    """A rejection of the reader's domain."""


@dataclass
class PlaceOrder:
    """A command of the reader's."""

    aggregate_id: str


class ListOrders:
    """A query of the reader's."""


@dataclass
class OrderPlaced:
    """An event of the reader's."""

    aggregate_id: str
    metadata: dict[str, str]


@dataclass
class Result:
    """What the reader's handler returns."""

    events: list[Any] = field(default_factory=list)


class Bus:
    """A bus that the reader has."""

    def dispatch(self, command: Any) -> Any:
        """Handle a command."""
        return command

    execute = dispatch


def test_python_blocks_run_in_order() -> None:
    """A reader who has the domain classes can paste every Python block, one after the other."""
    script = """
import sys
sys.path[:0] = sys.argv[1:]
from test_readme import *
command_bus, query_bus = Bus(), Bus()
{blocks}
assert command_bus.dispatch(PlaceOrder("o-1")) == PlaceOrder("o-1")
assert rows == ["order-1"] and projection.read_store.keys() == {{"order-1"}}
import urllib.request
page = urllib.request.urlopen(f"http://127.0.0.1:{{server.port}}/metrics").read().decode()
assert 'command_type="PlaceOrder"' in page and 'projection_name="order_list"' in page, page
server.close()
""".format(blocks="\n".join(blocks("python")).replace("port=9464", "port=0"))
    folders = [Path(__file__).parent, ROOT / "tests/support"]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *folders],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("line", commands("make"))
def test_make_targets_exist(line: str) -> None:
    """Every make command in the README names a target of the Makefile."""
    target = line.split()[1]
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("line", commands("pip"))
def test_installed_paths_are_distributions(line: str) -> None:
    """Every folder that the README installs is a distribution with the extras it names."""
    folder, _, extra = shlex.split(line)[2].rstrip("]").partition("[")
    pyproject = (ROOT / folder / "pyproject.toml").read_text()
    assert not extra or f"\n{extra} = [" in pyproject


@pytest.mark.servers
@pytest.mark.parametrize(
    "line", [c for p in ("cqrs-alerts", "cqrs-dashboards") for c in commands(p)]
)
def test_commands_work_as_printed(line: str, tmp_path: Path) -> None:
    """Every command of ours works; those that ask a Prometheus name the one they cannot reach."""
    program, *arguments = shlex.split(line)
    if "--prometheus" in arguments:
        arguments[-1] = "http://127.0.0.1:1"  # nothing listens there
    result = subprocess.run(
        [BIN / program, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    if "--prometheus" in arguments:
        assert result.returncode == 2
        assert "http://127.0.0.1:1" in result.stderr
    else:
        assert result.returncode == 0, result.stderr


def test_yaml_block_is_a_prometheus_configuration(promtool: Path, tmp_path: Path) -> None:
    """The YAML block is accepted by promtool as it stands."""
    (block,) = blocks("yaml")
    assert yaml.safe_load(block)["rule_files"] == ["rules/*.yaml"]
    (tmp_path / "prometheus.yml").write_text(block)
    subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"], check=True, timeout=LIMIT
    )


def test_promql_names_are_ours() -> None:
    """Every series that the README names is emitted or recorded."""
    (block,) = blocks("promql")
    queries = [q for q in re.split(r"\n\n", block) if q.strip()]
    for query in queries:
        promql_parser.parse(query)
    strategy = "UnderscoreEscapingWithSuffixes"
    parts = ("", "bucket", "count", "sum")
    known = {series_name(m, strategy, part) for m in METRICS for part in parts}
    known |= {recording.name for recording in RECORDINGS}
    named = set(re.findall(r"\bcqrs[_:]\w+(?::\w+)?", block)) | set(
        re.findall(r"`(cqrs:[\w:]+)`", README)
    )
    assert len(named) >= 4
    assert named <= known


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(target: str) -> None:
    """Every relative link of the README names a file or folder of the repository."""
    assert target.startswith("http") or (ROOT / target).exists()
