"""Pages of docs: their blocks are what programs take, and do what is said."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry import baggage, context
from opentelemetry.sdk import environment_variables

from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.config import Config
from cqrs_alerts.config_file import read_config
from cqrs_alerts.projection_state import STATES
from cqrs_telemetry import InstrumentedCommandBus, inject_context
from cqrs_telemetry.testing import RecordedTelemetry
from orders.demo.ports import choose_ports
from orders.demo.prometheus import require_server
from waits import LIMIT, read_line

ROOT = Path(__file__).parents[2]
ROADS, TRACES, PROJECTIONS = (
    ROOT / "docs" / name for name in ("roads.md", "traces.md", "projections.md")
)
ALERTS_PAGE = ROOT / "alerts/README.md"
BIN = Path(sys.executable).parent


def blocks(path: Path, language: str) -> list[str]:
    """Fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks(ROADS, "sh") for line in block.splitlines()]


def anchors(path: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("path", [ROADS, TRACES, PROJECTIONS], ids=lambda path: path.stem)
def test_links_and_names_exist(path: Path) -> None:
    """Every relative link leads to a file, and to a heading of it; named alerts are alerts."""
    targets = re.findall(r"\]\(([^)]+)\)", path.read_text())
    assert targets
    for target in targets:
        if not target.startswith("http"):
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target
    named = set(re.findall(r"`(Cqrs\w+)`", path.read_text()))
    assert named <= {alert.name for alert in ALERTS}


def test_each_state_is_explained_and_drawn() -> None:
    """In the table, and under a heading of its own with a picture of it."""
    page = PROJECTIONS.read_text()
    words = {each.name.replace("_", " ") for each in STATES}
    assert set(re.findall(r"^\| (ok|[a-z ]+) \|", page.split("## States")[1], re.MULTILINE)) == {
        *words, "state",
    }  # fmt: skip
    sections = dict(re.findall(r"^### (.+)\n\n!\[.+\]\((.+)\)$", page, re.MULTILINE))
    assert sections.keys() == words
    assert len(set(sections.values())) == len(words)


@pytest.mark.parametrize("block", blocks(ROADS, "yaml"), ids=lambda block: block.split(":")[0])
def test_yaml_is_what_its_reader_takes(block: str, promtool: Path, tmp_path: Path) -> None:
    """Prometheus' by promtool, cqrs.yaml's by its reader; a pod's variables are the SDK's."""
    path = tmp_path / "file.yaml"
    path.write_text(block)
    document = yaml.safe_load(block)
    if "dashboards" in document:
        read_config(path)
    elif "env" in document:
        known = {value for value in vars(environment_variables).values() if isinstance(value, str)}
        named = {each["name"] for each in document["env"]}
        assert {name for name in named if name.startswith("OTEL_")} <= known
        labels = (ROOT / "collector/otel-collector.yaml").read_text()
        for attribute in re.findall(r"(k8s[\w.]+)=", block):
            assert f'resource.attributes["{attribute}"]' in labels
    else:
        subprocess.run([promtool, "check", "config", path], check=True, timeout=LIMIT)


SETTINGS = [block for block in blocks(ALERTS_PAGE, "yaml") if "rule_files" not in block]


@pytest.mark.parametrize("block", SETTINGS, ids=lambda block: block.split(":")[0])
def test_settings_are_what_the_reader_takes(block: str, tmp_path: Path) -> None:
    """Each example of a cqrs.yaml is one, and changes what it says that it changes."""
    path = tmp_path / "cqrs.yaml"
    path.write_text(block)
    assert read_config(path) != Config()


def test_every_section_of_settings_is_explained() -> None:
    """What a user may set beyond one alert or dashboard has an example on the page."""
    shown = {key for block in SETTINGS for key in yaml.safe_load(block)}
    assert {"group_labels", "selector", "alerts", "slos", "rules", "exemptions"} <= shown


@pytest.mark.servers
@pytest.mark.parametrize("line", COMMANDS)
def test_commands_start(line: str, tmp_path: Path) -> None:
    """As printed, but for ports: processes come up, the collector takes its file."""
    words = shlex.split(line)
    environ = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    program, *arguments = words[len(environ) :]
    if program == "otelcol-contrib":
        command = [require_server("otelcol"), "validate", *arguments]
        subprocess.run(command, cwd=ROOT, check=True, timeout=LIMIT)
    elif program == "cqrs-dashboards":
        arguments[-1] = "http://127.0.0.1:1"  # nothing listens there
        assert (
            subprocess.run([BIN / program, *arguments], check=False, timeout=LIMIT).returncode == 2
        )
    elif program == "prometheus":
        (tmp_path / "prometheus.yml").write_text(blocks(ROADS, "yaml")[-1])
        port = choose_ports({"web": None})["web"]
        own = [f"--web.listen-address=127.0.0.1:{port}"]
        started([require_server("prometheus"), *arguments, *own], {}, tmp_path, "ready to")
    else:
        assert program == "orders"
        own = ["--port=0", f"--data={tmp_path / 'shop'}"]
        said = started([BIN / program, *arguments, *own], environ, tmp_path, "orders service")
        assert "by OTLP" in said


def started(command: list[Any], environ: dict[str, str], folder: Path, awaited: str) -> str:
    """Start a process, wait for a line of it, end it."""
    # What it sends goes nowhere here, and its end does not wait for that.
    hurry = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, **hurry, **environ}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            said = ""
            while line := read_line(process.stdout, f"line with {awaited!r} after {said!r}"):
                said += line
                if awaited in line:
                    return line
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    pytest.fail(said)


@dataclass
class PlaceOrder:
    """A command of the reader's."""

    aggregate_id: str


@dataclass
class OrderPlaced:
    """An event of the reader's."""

    metadata: dict[str, str] = field(default_factory=lambda: inject_context({}))


def test_log_lines_name_the_span_in_which_they_were_written() -> None:
    """The formatter's ids are those of the command's span; outside there are none."""
    logger, written = logging.getLogger(), io.StringIO()
    before, recorded = list(logger.handlers), RecordedTelemetry()
    names: dict[str, Any] = {}
    exec(blocks(TRACES, "python")[1], names)  # noqa: S102 - our own page
    names["handler"].setStream(written)
    try:
        bus = InstrumentedCommandBus(
            {PlaceOrder: lambda _: logging.getLogger("shop").warning("low stock")},
            telemetry=recorded.telemetry,
        )
        bus.dispatch(PlaceOrder("o-1"))
        logging.getLogger("shop").warning("closed")
    finally:
        logger.handlers[:] = before
    inside, outside = map(json.loads, written.getvalue().splitlines())
    (span,) = recorded.spans("command.PlaceOrder")
    assert inside == {
        "severity": "WARNING", "message": "low stock",
        "trace_id": f"{span.context.trace_id:032x}", "span_id": f"{span.context.span_id:016x}",
        "trace_flags": f"{span.context.trace_flags:02x}",
    }  # fmt: skip
    assert span.context.trace_flags.sampled
    assert outside == {"severity": "WARNING", "message": "closed"}


def test_baggage_is_read_from_the_event() -> None:
    """What the caller sent along is in the metadata, and nowhere else."""
    token = context.attach(baggage.set_baggage("tenant", "north"))
    event = OrderPlaced()
    context.detach(token)
    names: dict[str, Any] = {"event": event}
    exec(blocks(TRACES, "python")[0], names)  # noqa: S102 - our own page
    assert names["tenant"] == "north"
    assert baggage.get_baggage("tenant") is None
