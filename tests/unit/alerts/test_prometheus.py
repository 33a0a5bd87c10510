"""A server that cannot be asked gives one clear error; a stand-in shows the rare answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cqrs_alerts.live.prometheus import Prometheus, PrometheusError, QueryError
from waits import LIMIT


@contextmanager
def server(status: int, body: str) -> Iterator[str]:
    """Answers every request in the same way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        thread.join(LIMIT)
        http.server_close()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (503, "Service Unavailable", "not ready yet"),
        (401, "who are you", "requires credentials"),
        (200, "<html>Grafana</html>", "does not speak Prometheus"),
        (404, "not found", "does not speak Prometheus"),
        (200, "[]", "does not speak Prometheus"),
        (503, '{"status": "error", "error": "TSDB not ready"}', "TSDB not ready"),
    ],
)
def test_servers_that_cannot_be_asked(status: int, body: str, message: str) -> None:
    """Each kind of refusal is told apart, with the address."""
    with (
        server(status, body) as url,
        Prometheus(url) as prometheus,
        pytest.raises(PrometheusError, match=message) as refused,
    ):
        prometheus.query("up")
    assert url in str(refused.value)


def test_a_refused_query_is_not_an_unreachable_server() -> None:
    """Prometheus' own message about one query concerns that query alone."""
    body = '{"status": "error", "error": "parse error: unexpected end"}'
    with (
        server(400, body) as url,
        Prometheus(url) as prometheus,
        pytest.raises(QueryError, match="unexpected end"),
    ):
        prometheus.query("sum(")


def test_a_server_without_flags_has_none() -> None:
    """What only stands in for Prometheus has other interfaces; nothing is concluded from that."""
    with server(404, "404 page not found") as url, Prometheus(url) as prometheus:
        assert prometheus.flags() == {}


def test_a_torn_connection_is_no_unreachable_server() -> None:
    """A connection that ends without an answer is replaced once; a server that tears each is told.

    Shared by threads, the pool may close a kept connection under the thread that has just taken it.
    """
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        Prometheus(f"http://127.0.0.1:{listening.getsockname()[1]}") as prometheus,
    ):
        listening.settimeout(LIMIT)
        torn: list[bool] = [True, False, True, True]

        def serve() -> None:
            for silent in torn:
                with listening.accept()[0] as connection:
                    connection.recv(65536)
                    if not silent:
                        connection.sendall(
                            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                            b'{"status": "success", "data": ["a"]}'
                        )

        thread = threading.Thread(target=serve)
        thread.start()
        assert prometheus.label_values("job") == ["a"]
        with pytest.raises(PrometheusError, match="cannot be reached"):
            prometheus.label_values("job")
        thread.join(LIMIT)


def test_nothing_listens() -> None:
    """A closed port is named, with the question that comes next."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        Prometheus(f"http://127.0.0.1:{port}/") as prometheus,
        pytest.raises(PrometheusError, match=rf"127\.0\.0\.1:{port} cannot be reached.*running"),
    ):
        prometheus.query("up")


@pytest.mark.parametrize(
    "url", ["localhost:9090", "prometheus", "ftp://host", "http://", "http://host:port"]
)
def test_what_is_not_an_address(url: str) -> None:
    """An address without scheme or host is refused with an example."""
    with pytest.raises(PrometheusError, match="is not an address"):
        Prometheus(url)


def test_credentials_are_not_printed() -> None:
    """A password in the address goes to the server and into no message."""
    with Prometheus("http://me:secret@localhost:9090/prefix/") as prometheus:
        assert prometheus.url == "http://localhost:9090/prefix"
