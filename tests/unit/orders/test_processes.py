"""The processes as a user starts them: ports, signals, crashes, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import textwrap
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from orders.cli import main
from orders.demo.ports import PortTakenError, choose_ports
from orders.demo.processes import PartEndedError, Parts
from orders.demo.prometheus import ServerMissingError, configuration, require_server
from orders.demo.running import STATE_FILE
from waits import LIMIT, read_line, wait_for

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+\S*")


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def prometheus(tmp_path, monkeypatch):
    """A file where the demo looks for Prometheus; these tests end before it is started."""
    program = tmp_path / "bin" / "prometheus"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def is_running(pid: int) -> bool:
    """Whether a process runs; one that waits for its parent to notice its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_service_projection_and_load_work_together(run, tmp_path):
    """Three processes on one folder: the load's orders become visible, all end with status 0."""
    serve = run("serve", "--port=0", "--data=d")
    url, metrics = ADDRESS.findall(read_line(serve.stdout, "address of the service"))
    project = run("project", "--data=d")
    (projection_metrics,) = ADDRESS.findall(read_line(project.stdout, "address of the metrics"))
    load = run("load", f"--url={url}", "--rate=200", "--duration=1.5", "--tally=t.json")
    assert load.wait(LIMIT) == 0, load.stdout.read()
    tally = json.loads((tmp_path / "t.json").read_text())
    assert tally["finished"]
    assert tally["unanswered"] == {}
    assert tally["commands"]["PlaceOrder"]["success"] > 0
    placed = tally["commands"]["PlaceOrder"]["success"]

    def listed():
        return len(httpx.get(f"{url}/queries/ListOrders?limit=9999").json())

    wait_for(f"list of all {placed} orders", lambda: listed() >= placed, saw=listed)
    success = r'_total\{.*command_status="success",command_type="PlaceOrder".*\} (\S+)$'
    counted = re.findall(success, httpx.get(metrics).text, re.MULTILINE)
    assert sum(map(float, counted)) == placed
    assert 'projection_name="stock"' in httpx.get(projection_metrics).text
    for process in (serve, project):
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0, process.stdout.read()


@pytest.mark.parametrize(
    "arguments",
    [("serve", "--port"), ("serve", "--port=0", "--metrics-port"), ("project", "--metrics-port")],
)
def test_a_port_in_use_is_named_with_the_mend(run, taken, arguments):
    """The error names the port and how to choose another."""
    process = run(*arguments[:-1], f"{arguments[-1]}={taken}", "--data=d")
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert str(taken) in output
    assert "in use" in output
    assert "Traceback" not in output


def test_a_load_without_a_service_says_so(run):
    """Nobody at the address is an error that tells what to start."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    process = run("load", f"--url=http://127.0.0.1:{free}", "--duration=1")
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert "start `orders serve` first" in output


def test_a_load_that_cannot_write_its_tally_says_so_at_once(run):
    """A tally that could not be kept is an error before anything is sent."""
    serve = run("serve", "--port=0", "--data=d")
    url, _ = ADDRESS.findall(read_line(serve.stdout, "address of the service"))
    process = run("load", f"--url={url}", "--tally=missing/tally.json")
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert "cannot write missing/tally.json" in output


def test_a_load_survives_a_service_that_goes_away(run, tmp_path):
    """A service that is killed is told of once, and what got no answer is counted."""
    serve = run("serve", "--port=0", "--data=d")
    url, _ = ADDRESS.findall(read_line(serve.stdout, "address of the service"))
    load = run("load", f"--url={url}", "--rate=100", "--tally=t.json")
    wait_for("tally", (tmp_path / "t.json").exists)
    serve.kill()
    assert "does not answer" in read_line(load.stdout, "word on the service that is gone")
    load.send_signal(signal.SIGTERM)
    assert load.wait(LIMIT) == 0
    assert sum(json.loads((tmp_path / "t.json").read_text())["unanswered"]["AddProduct"].values())


def test_a_part_that_crashes_is_named_with_its_last_words(tmp_path):
    """The error carries the part's name, its status and the tail of its log."""
    parts = Parts(tmp_path)
    parts.start("bystander", [sys.executable, "-c", "import time; time.sleep(600)"])
    parts.start("crasher", [sys.executable, "-c", "raise SystemExit('the last words')"])
    wait_for("end of the crasher", lambda: not is_running(parts.pids["crasher"]))
    with pytest.raises(PartEndedError, match=r"the crasher ended with status 1.*\n.*last words"):
        parts.check()
    parts.stop()
    assert not any(map(is_running, parts.pids.values()))


def test_a_part_that_may_finish_does_so_without_error(tmp_path):
    """Status 0 of a finite part is no crash."""
    parts = Parts(tmp_path)
    parts.start("finite", [sys.executable, "-c", ""], finite=True)
    wait_for("end of the finite part", lambda: not is_running(parts.pids["finite"]))
    parts.check()
    parts.stop()


def test_a_part_that_is_meant_to_end_may_crash(tmp_path):
    """After a signal that is meant to end it, a part's end is no error."""
    parts = Parts(tmp_path)
    parts.start("victim", [sys.executable, "-c", "import time; time.sleep(600)"])
    parts.send("victim", signal.SIGKILL, ends=True)
    wait_for("end of the victim", lambda: parts.ended("victim"))
    parts.check()
    parts.stop()


def test_a_part_that_is_frozen_is_stopped_all_the_same(tmp_path):
    """A stopped process would not notice the request to end; it is woken for it."""
    parts = Parts(tmp_path)
    parts.start("frozen", [sys.executable, "-c", "import time; time.sleep(600)"])
    parts.send("frozen", signal.SIGSTOP)
    parts.stop()
    assert not is_running(parts.pids["frozen"])


def test_a_part_that_will_not_stop_is_killed(tmp_path, monkeypatch):
    """Stopping ends even what ignores the request."""
    monkeypatch.setattr("orders.demo.processes.PATIENCE", 0.1)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    parts = Parts(tmp_path)
    parts.start("deaf", [sys.executable, "-c", f"{deaf}; time.sleep(600)"])
    wait_for("word of the deaf part", (tmp_path / "deaf.log").read_text)
    parts.stop()
    assert not is_running(parts.pids["deaf"])


def test_killing_the_one_that_started_them_ends_all(run, tmp_path):
    """Parts do not outlive a supervisor that was killed and could not stop them."""
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(
        textwrap.dedent(
            """
            import sys, time
            from pathlib import Path
            from orders.demo.processes import Parts
            parts = Parts(Path())
            for name in "ab":
                parts.start(name, [sys.executable, "-c", "import time; time.sleep(600)"])
            print(*parts.pids.values(), flush=True)
            time.sleep(600)
            """
        )
    )
    import subprocess

    process = subprocess.Popen(
        [sys.executable, supervisor], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    with process:
        try:
            told = read_line(process.stdout, "process ids of the parts")
            pids = [int(pid) for pid in told.split()]
            assert all(map(is_running, pids))
        finally:
            process.kill()
    wait_for(
        "end of all parts",
        lambda: not any(map(is_running, pids)),
        saw=lambda: list(filter(is_running, pids)),
    )
    assert len(pids) == 2


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"PROMETHEUS_PORT": "{taken}"},
            "port {taken}, asked for as the prometheus port, is in",
        ),
        ({"DEMO_DATA": "file/data"}, "file/data/logs: Not a directory; choose another --data"),
        ({"DEMO_DATA": "old"}, "old holds an earlier demo; delete it, or choose another"),
        ({"FAULT": "gremlins"}, "no fault is called 'gremlins'"),
        ({"DURATION": "soon"}, "'soon' is not a valid float"),
    ],
)
def test_the_demo_refuses_what_cannot_work(
    environment, words, taken, prometheus, tmp_path, monkeypatch
):
    """Settings come from the environment; a bad one ends the demo before anything starts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / STATE_FILE).touch()
    environment = {name: value.format(taken=taken) for name, value in environment.items()}
    result = CliRunner().invoke(main, ["demo"], env={"DEMO_DATA": "new", **environment})
    assert result.exit_code in (1, 2)
    assert words.format(taken=taken) in result.output
    assert not (tmp_path / "new" / "logs").exists()
    assert [path.name for path in (tmp_path / "old").iterdir()] == [STATE_FILE]


def test_empty_settings_are_not_settings(prometheus, tmp_path, monkeypatch):
    """Make passes variables that are not set as empty ones; they mean the defaults."""
    empty = dict.fromkeys(("DURATION", "FAULT", "SEED", "DEMO_DATA", "SPANS"), "")
    arguments = []
    monkeypatch.setattr("orders.demo.orchestrator.run_demo", lambda s: arguments.append(s) or 0)
    result = CliRunner().invoke(main, ["demo"], env=empty)
    assert result.exit_code == 0, result.output
    (settings,) = arguments
    assert (settings.seed, settings.duration, settings.spans) == (7, None, True)
    assert settings.data.parent.name == ".demo"


def test_chosen_ports_differ_and_a_taken_one_is_named(taken):
    """Free ports are distinct; one that was asked for is refused by name."""
    assert len(set(choose_ports(dict.fromkeys("abcdef")).values())) == 6
    with pytest.raises(PortTakenError, match=f"port {taken}, asked for as the service port"):
        choose_ports({"service": taken})


def test_servers_are_found_on_path_alone(tmp_path, prometheus, monkeypatch):
    """What somebody else put into .tools/bin of the working directory is not run."""
    planted = tmp_path / "shared" / ".tools" / "bin" / "prometheus"
    planted.parent.mkdir(parents=True)
    planted.touch(mode=0o755)
    monkeypatch.chdir(tmp_path / "shared")
    assert require_server("prometheus") == prometheus


def test_without_prometheus_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    """A server that is not on PATH is an error with the advice."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissingError, match="run `make tools`"):
        require_server("prometheus")


def test_prometheus_scrapes_both_processes_under_one_job(tmp_path):
    """Service and projection are one job, Prometheus is another; rules come from the folder."""
    import yaml

    document = yaml.safe_load(configuration(tmp_path, ["h:1", "h:2"], "h:3"))
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in document["scrape_configs"]
    }
    assert jobs == {"orders": ["h:1", "h:2"], "prometheus": ["h:3"]}
    assert [Path(path).parent for path in document["rule_files"]] == [tmp_path, tmp_path]


def test_alerts_go_to_an_alertmanager_when_there_is_one(tmp_path):
    """Prometheus is told of Alertmanager only if one was found."""
    import yaml

    without = yaml.safe_load(configuration(tmp_path, ["h:1"], "h:3"))
    document = yaml.safe_load(configuration(tmp_path, ["h:1"], "h:3", "h:4"))
    assert "alerting" not in without
    (alertmanager,) = document["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": ["h:4"]}]
