"""The preview as a running server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from urllib.parse import urlencode

import uvicorn

from cqrs_alerts.live.access import Access
from cqrs_alerts.live.prometheus import Prometheus
from cqrs_alerts.promql import duration_seconds

from ..files import Json
from .app import application

HOST = "127.0.0.1"


class PortError(Exception):
    """The port cannot be listened on; the text says why and what mends it."""


class Preview:
    """Dashboards served on a port; it listens from construction on, and answers inside ``serve``.

    ``start`` replaces the start of the dashboards' time range, in Grafana's form: ``now-15m``.

    A context manager, or ``close`` it.

    Raises:
        PortError: The port is taken or not allowed.
        PrometheusError: ``prometheus`` is not an address.
    """

    def __init__(
        self,
        dashboards: Sequence[Json],
        prometheus: Access | str,
        scrape_interval: str,
        port: int = 0,
        start: str | None = None,
    ) -> None:
        shown = [_starting(each, start) for each in dashboards] if start else dashboards
        self._prometheus = Prometheus(prometheus)
        self._socket = _listen(port)
        app = application(shown, self._prometheus, duration_seconds(scrape_interval))
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )

    @property
    def url(self) -> str:
        """Where the list of dashboards is."""
        return f"http://{HOST}:{self._socket.getsockname()[1]}/"

    @property
    def prometheus_url(self) -> str:
        """Where the data comes from, without credentials."""
        return self._prometheus.url

    def require_prometheus(self) -> None:
        """Ask for something.

        Raises:
            PrometheusError: There is no Prometheus to ask.
        """
        self._prometheus.query("vector(1)")

    def dashboard_url(self, uid: str, **parameters: str) -> str:
        """Where a dashboard is; the parameters are Grafana's: from, to, theme, var-…."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{self.url}d/{uid}{query}"

    def serve(self) -> None:
        """Answer until Ctrl-C."""
        self._server.run(sockets=[self._socket])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer, beside this thread, for the length of a ``with``."""
        thread = threading.Thread(target=self.serve, name="preview")
        thread.start()
        try:
            yield
        finally:
            self._server.should_exit = True
            thread.join()

    def close(self) -> None:
        """Give the port and the connections to Prometheus back."""
        self._socket.close()
        self._prometheus.__exit__(None, None, None)

    def __enter__(self) -> Preview:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()


def _starting(dashboard: Json, start: str) -> Json:
    return {**dashboard, "time": {"from": start, "to": "now"}}


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise PortError(
            f"cannot listen on {HOST}:{port}: {error.strerror}; "
            "choose another --port, or 0 for a free one"
        ) from None
    return listening
