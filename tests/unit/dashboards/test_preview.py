"""The preview's server: what it serves, what it asks, what it refuses."""

from __future__ import annotations

import builtins
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import reload
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

import cqrs_dashboards.preview
from cqrs_alerts import recording
from cqrs_dashboards.cli import main
from cqrs_dashboards.preview import ChromiumError, Preview
from cqrs_dashboards.preview.chromium import find_chromium
from orders.demo.ports import choose_ports
from waits import LIMIT, read_line

Json = dict[str, Any]


@pytest.fixture
def client(rendered: list[Json]) -> Iterator[httpx.Client]:
    """A client of a preview without Prometheus."""
    nobody = f"http://127.0.0.1:{choose_ports({'nobody': None})['nobody']}"
    with (
        Preview(rendered, nobody, "15s") as preview,
        preview.serving(),
        httpx.Client(base_url=preview.url) as client,
    ):
        yield client


def test_exported_names() -> None:
    """What other code may use of the preview."""
    assert cqrs_dashboards.preview.__all__ == [
        "ChromiumError", "PortError", "Preview", "take_screenshots",
    ]  # fmt: skip


def test_the_json_is_that_of_grafana(client: httpx.Client, rendered: list[Json]) -> None:
    """The page gets the very dashboards that are generated, unchanged."""
    listed = client.get("/api/dashboards").json()
    assert [each["uid"] for each in listed] == [each["uid"] for each in rendered]
    for dashboard in rendered:
        assert client.get(f"/api/dashboards/{dashboard['uid']}").json() == dashboard
        assert client.get(f"/d/{dashboard['uid']}").status_code == 200


def test_everything_comes_from_here(client: httpx.Client) -> None:
    """Pages and scripts name no other host, Plotly is served, and the browser is told to obey."""
    for path in ("/", "/d/cqrs-write-path", "/static/dashboard.js", "/static/style.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "://" not in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "plotly.js v" in client.get("/static/plotly.js").text[:200]


@pytest.mark.parametrize(
    "path", ["/d/none", "/api/dashboards/none", "/api/v1/query?query=up", "/static/../app.py"]
)
def test_what_is_not_there(client: httpx.Client, path: str) -> None:
    """Unknown dashboards, Prometheus' other endpoints and files elsewhere are not served."""
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("label", ["", "a/../../query", ".."])
def test_a_label_reaches_no_other_endpoint(client: httpx.Client, label: str) -> None:
    """A label with a path in it is refused before Prometheus is asked."""
    answer = client.get("/api/label_values", params={"label": label})
    assert answer.status_code == 400
    assert "is not a label's name" in answer.json()["error"]


def test_other_hosts_are_refused(client: httpx.Client) -> None:
    """A site that resolves its name to loopback cannot read the metrics (DNS rebinding)."""
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_an_unreachable_prometheus_is_an_answer(client: httpx.Client) -> None:
    """The text names the address and the mend, for the panel to show."""
    answer = client.get("/api/query", params={"query": "up"})
    assert answer.status_code == 502
    assert "cannot be reached" in answer.json()["error"]


def test_markdown_is_rendered_without_html() -> None:
    """Text panels come as HTML in which the source's own HTML and scripts are text."""
    from cqrs_dashboards.preview.app import texts

    text = {"id": 7, "type": "text", "options": {"content": "*a* <script>b</script>"}}
    inside = {"id": 9, "type": "row", "panels": [{**text, "id": 8}]}
    code = {"id": 6, "type": "text", "options": {"mode": "code", "content": "x"}}
    expected = "<p><em>a</em> &lt;script&gt;b&lt;/script&gt;</p>\n"
    assert texts({"panels": [text, inside, code]}) == {"7": expected, "8": expected}


@pytest.mark.servers
def test_questions_reach_the_real_prometheus(
    servers: Callable[[str], Any], rendered: list[Json]
) -> None:
    """Queries, ranges and label values are Prometheus' own answers; its refusals keep its words."""
    server = servers("healthy")
    server.wait_for('up{job="orders"} == 1', recording.INSTANCES.name)
    with (
        Preview(rendered, server.url, "60s") as preview,
        preview.serving(),
        httpx.Client(base_url=preview.url) as client,
    ):
        now = time.time()
        instant = client.get("/api/query", params={"query": "vector(1)"}).json()
        assert instant["data"]["result"][0]["value"][1] == "1"
        span = {"query": 'up{job="orders"}', "start": now - 10, "end": now, "step": 1}
        series = client.get("/api/query_range", params=span).json()["data"]["result"]
        assert series[0]["metric"]["job"] == "orders"
        parameters = {"label": "job", "match[]": recording.INSTANCES.name}
        assert client.get("/api/label_values", params=parameters).json()["data"] == ["orders"]
        refused = client.get("/api/query", params={"query": "sum("})
        assert refused.status_code == 422
        assert "parse error" in refused.json()["error"]
        # It scrapes every second, so a chart may have a point per second.
        assert client.get("/api/settings").json() == {"scrapeSeconds": 60, "stepSeconds": 1}


def test_the_command_serves_until_interrupted(tmp_path: Path, rendered: list[Json]) -> None:
    """The address is printed, files are served as they are, Ctrl-C ends with status 0."""
    (tmp_path / "mine.json").write_text(json.dumps({**rendered[0], "title": "Mine"}))
    process = subprocess.Popen(
        [
            sys.executable, "-m", "cqrs_dashboards", "preview",
            "--prometheus", "http://127.0.0.1:1", "--dashboards", str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        try:
            url = read_line(process.stdout, "address of the preview").split()[2]
            assert httpx.get(f"{url}api/dashboards").json()[0]["title"] == "Mine"
            process.send_signal(signal.SIGINT)
            assert process.wait(LIMIT) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prometheus", "localhost:9090"], "is not an address"),
        (["--prometheus", "http://x", "--dashboards", "missing"], "missing: cannot be read"),
        (["--prometheus", "http://x", "--port", "70000"], "70000 is not in the range"),
    ],
)
def test_bad_input_is_named(arguments: list[str], message: str) -> None:
    """Wrong options end with status 2 and say which."""
    done = CliRunner().invoke(main, ["preview", *arguments])
    assert done.exit_code == 2
    assert message in done.output


def test_a_taken_port_is_named() -> None:
    """A port in use is an error with the port and the mend."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["preview", "--prometheus", "http://x", "--port", port])
    assert done.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.output
    assert "--port" in done.output


def test_a_missing_chromium_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Screenshots without Chromium fail with what to install; one of a shared folder is not run."""
    monkeypatch.setenv("PATH", str(tmp_path))
    planted = tmp_path / ".tools" / "bin" / "chromium"
    planted.parent.mkdir(parents=True)
    planted.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChromiumError, match=r"none of chromium.* install"):
        find_chromium()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says how to install it."""
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "uvicorn":
            raise ImportError("no", name=name)
        return real(name, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", absent)
        with pytest.raises(ImportError, match=r"uvicorn is not installed: pip install 'cqrs-dash"):
            reload(cqrs_dashboards.preview)
    reload(cqrs_dashboards.preview)
