"""The package's README: its Python runs as printed, in order."""

from __future__ import annotations

import re
import subprocess
import sys
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
