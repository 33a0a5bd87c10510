"""Servers behind a gateway: tokens, tenants, path prefixes and certificates of their own."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cqrs_alerts.cli import main as alerts_main
from cqrs_alerts.live.access import Access, AccessError
from cqrs_alerts.live.http_config import read_http_config
from cqrs_alerts.live.prometheus import Prometheus, PrometheusError
from cqrs_dashboards.cli import main as dashboards_main
from waits import LIMIT

TLS = Path(__file__).parents[2] / "contract" / "tls"
NAME = "collector.test"  # of that certificate
SECRET = "s3cret"  # noqa: S105 - of a server in this test
EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


class Gateway(BaseHTTPRequestHandler):
    """Lets through what has the required headers, below a prefix; keeps what it was asked."""

    required: dict[str, str]
    asked: list[str]

    def do_GET(self) -> None:
        """Answer as a gateway before a Prometheus without data."""
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if any(self.headers.get(name) != value for name, value in self.required.items()):
            self._send(401, "no entry", "text/plain")
        elif path.endswith("/api/v1/rules"):
            self._send(404, "<html>nothing here</html>", "text/html")
        elif "/api/v1/label/" in path:
            self._send(200, json.dumps({"status": "success", "data": []}), "application/json")
        else:
            self._send(200, json.dumps(EMPTY), "application/json")

    def _send(self, status: int, body: str, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def gateway(*, tls: bool = False, **required: str) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that it is asked for; names of headers with ``_`` for ``-``."""
    headers = {name.replace("_", "-"): value for name, value in required.items()}
    handler = type("Handler", (Gateway,), {"required": headers, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{server.server_port}", handler.asked
    finally:
        server.shutdown()
        thread.join(LIMIT)
        server.server_close()


def basic(user: str, password: str) -> str:
    """The header of basic authentication."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def run(*arguments: str, **environment: str) -> Any:
    """The doctor, as JSON."""
    return CliRunner().invoke(dashboards_main, ["doctor", "--json", *arguments], env=environment)


def test_a_token_from_the_environment_and_a_tenant_from_an_option() -> None:
    """Both reach the server with every request, and neither is printed."""
    required = {"Authorization": f"Bearer {SECRET}", "X_Scope_OrgID": "shop"}
    with gateway(**required) as (url, asked):
        done = run(
            "--prometheus", f"{url}/prometheus", "--header", "X-Scope-OrgID=shop",
            PROMETHEUS_BEARER_TOKEN=SECRET,
        )  # fmt: skip
    assert done.exit_code == 1, done.output  # all is empty there
    assert SECRET not in done.output
    assert json.loads(done.stdout)["prometheus"] == f"{url}/prometheus"
    assert {path.partition("/api/")[0] for path in asked} == {"/prometheus"}


def test_a_server_without_rules_is_examined_by_its_data() -> None:
    """A gateway that answers 404 in HTML for rules is asked for everything else."""
    with gateway() as (url, asked):
        done = run("--prometheus", url)
        kinds = {each["kind"] for each in json.loads(done.stdout)["findings"]}
        assert kinds == {"panel", "variable"}
        assert any(path.endswith("/api/v1/rules") for path in asked)
        refused = CliRunner().invoke(alerts_main, ["check", "--prometheus", url])
    assert refused.exit_code == 2
    assert "has no /api/v1/rules" in refused.output
    assert "cqrs-dashboards doctor" in refused.output


@pytest.mark.parametrize("way", ["environment", "file", "address"])
def test_basic_authentication(tmp_path: Path, way: str) -> None:
    """From variables, from a file, or in the address, from which it does not get into output."""
    with gateway(Authorization=basic("ada", SECRET)) as (url, _):
        environment, arguments, address = dict[str, str](), list[str](), url
        if way == "environment":
            environment = {"PROMETHEUS_USERNAME": "ada", "PROMETHEUS_PASSWORD": SECRET}
        elif way == "file":
            (tmp_path / "password").write_text(f"{SECRET}\n")
            config = tmp_path / "http.yaml"
            config.write_text("basic_auth: {username: ada, password_file: password}\n")
            arguments = ["--http-config", str(config)]
        else:
            address = url.replace("://", f"://ada:{SECRET}@")
        done = run("--prometheus", address, *arguments, **environment)
    assert done.exit_code == 1, done.output
    assert SECRET not in done.output


def test_headers_and_token_from_a_file(tmp_path: Path) -> None:
    """The format is Prometheus' own; secrets may be in further files beside it."""
    (tmp_path / "token").write_text(f"{SECRET}\n")
    config = tmp_path / "http.yaml"
    config.write_text(
        "authorization: {credentials_file: token}\n"
        "http_headers: {X-Scope-OrgID: {values: [shop]}}\n"
    )
    required = {"Authorization": f"Bearer {SECRET}", "X_Scope_OrgID": "shop"}
    with (
        gateway(**required) as (url, _),
        Prometheus(read_http_config(config, url)) as prometheus,
    ):
        assert prometheus.query("up") == []


def test_a_server_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    """It is trusted with the file of its authority, or where any certificate is accepted."""
    with gateway(tls=True) as (url, _):
        with (
            Prometheus(url) as prometheus,
            pytest.raises(PrometheusError, match="certificate verify failed"),
        ):
            prometheus.query("up")
        config = tmp_path / "http.yaml"
        config.write_text("tls_config: {insecure_skip_verify: true}\n")
        with Prometheus(read_http_config(config, url)) as prometheus:
            assert prometheus.query("up") == []
        trusted = Access(url, ca_file=TLS / "certificate.pem")
        with (
            Prometheus(trusted) as prometheus,
            # The chain is trusted then; what is wrong is the name, as this is no name at all.
            pytest.raises(PrometheusError, match=r"(?i)mismatch|not valid for"),
        ):
            prometheus.query("up")


def test_a_server_that_requires_credentials_says_how_to_give_them() -> None:
    """The error names the variables and the option; exit status 2: nothing was asked."""
    with gateway(Authorization="Bearer other") as (url, _):
        done = run("--prometheus", url)
    assert done.exit_code == 2
    for word in ("PROMETHEUS_BEARER_TOKEN", "PROMETHEUS_PASSWORD", "--http-config"):
        assert word in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("oauth2: {client_id: x}", "oauth2 is not supported here"),
        ("basic_auth: ada", "basic_auth: "),
        ("tls_config: {cert_file: a.pem}", "cert_file and key_file are needed together"),
        ("basic_auth: {password_file: none}", "none: cannot be read: No such file"),
        ("tls_config: [", "is not YAML"),
        ("authorization: {type: Digest}", "authorization.type: "),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    """File and key, and no secret."""
    config = tmp_path / "http.yaml"
    config.write_text(text)
    with pytest.raises(AccessError, match=message) as told:
        read_http_config(config, "http://localhost:9090")
    assert str(tmp_path) in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--header", "X-Scope-OrgID"], "write NAME=VALUE"),
        (["--ca-file", "none.pem"], "none.pem: cannot be used as certificates"),
        (["--http-config", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_mistakes_in_options_are_named(arguments: list[str], message: str) -> None:
    """Exit status 2, and what to write."""
    done = run("--prometheus", "http://localhost:9090", *arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_token_and_user_exclude_each_other() -> None:
    """Only one of them can be sent."""
    access = Access("http://localhost:9090", token="x", user=("ada", "y"))  # noqa: S106 - a test
    with pytest.raises(PrometheusError, match="keep one of them"):
        Prometheus(access)


def test_secrets_are_not_in_the_text_of_an_access() -> None:
    """Not even a traceback shows them."""
    headers = (("X-Api-Key", SECRET),)
    access = Access(f"http://ada:{SECRET}@h", headers, token=SECRET, user=("ada", SECRET))
    assert SECRET not in repr(access)


def test_secrets_are_in_no_message(tmp_path: Path) -> None:
    """Neither of an address that is none, nor of a file that is not YAML."""
    with pytest.raises(PrometheusError) as refused:
        Prometheus(f"ftp://ada:{SECRET}@host")
    assert SECRET not in str(refused.value)
    config = tmp_path / "http.yaml"
    config.write_text(f"basic_auth: {{password: {SECRET}")
    with pytest.raises(AccessError) as unread:
        read_http_config(config, "http://localhost:9090")
    assert SECRET not in str(unread.value)


def test_the_environment_takes_precedence_over_the_file(tmp_path: Path) -> None:
    """A user from variables replaces the token of the file."""
    config = tmp_path / "http.yaml"
    config.write_text("authorization: {credentials: other}\n")
    with gateway(Authorization=basic("ada", SECRET)) as (url, _):
        done = run(
            "--prometheus", url, "--http-config", str(config),
            PROMETHEUS_USERNAME="ada", PROMETHEUS_PASSWORD=SECRET,
        )  # fmt: skip
    assert done.exit_code == 1, done.output
