"""The package's README: its Python runs as printed, in order."""

from __future__ import annotations

import gzip
import os
import queue
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from waits import LIMIT

README = (Path(__file__).parents[3] / "instrumentation" / "README.md").read_text()

# What the reader of the README has already.
DOMAIN = """
from dataclasses import dataclass, field
from time import time
from types import SimpleNamespace

class OutOfStock(Exception): pass
class ListOrders: pass
@dataclass
class PlaceOrder: aggregate_id: str
@dataclass
class OrderPlaced:
    aggregate_id: str
    metadata: dict
    timestamp: float = field(default_factory=time)
@dataclass
class Result: events: list = field(default_factory=list)
command_bus = SimpleNamespace(dispatch=lambda command: Result())
query_bus = SimpleNamespace(execute=lambda query: [])
"""

AFTERWARDS = """
command_bus.dispatch(PlaceOrder("o-2"))
query_bus.execute(ListOrders())
assert projection.read_store.keys() == {"o-1"}
assert server.port > 0
server.close()
print("ran")
"""


def test_the_python_blocks_run() -> None:
    """Every block, one after the other in one process, without a warning; on a free port."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    program = "\n".join([DOMAIN, *blocks, AFTERWARDS]).replace("port=9464", "port=0")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert (result.stdout, result.stderr) == ("ran\n", "")


class Receiver(BaseHTTPRequestHandler):
    """Takes metrics as a collector does."""

    received: queue.Queue[bytes]

    def do_POST(self) -> None:
        """Keep the body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.received.put(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_worker_exports_what_it_counts() -> None:
    """The snippet for gunicorn, run as in a worker after its fork; a collector gets the series."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (snippet,) = (block for block in blocks if "post_fork" in block)
    program = f"""{snippet}
from cqrs_telemetry import CqrsTelemetry
from opentelemetry import metrics
post_fork(None, None)
with CqrsTelemetry(exclude=["Ping"]).command("PlaceOrder"):
    pass
metrics.get_meter_provider().shutdown()
"""
    Receiver.received = queue.Queue()
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        result = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
            capture_output=True, text=True, check=False, timeout=LIMIT,
        )  # fmt: skip
        server.shutdown()
    assert (result.returncode, result.stderr) == (0, "")
    body = Receiver.received.get_nowait()
    for text in (b"cqrs.command.total", b"PlaceOrder", b"service.instance.id", b"orders"):
        assert text in body
