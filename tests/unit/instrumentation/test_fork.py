"""Forked workers: own totals from 0, no lock of the parent's threads."""

from __future__ import annotations

import json
import subprocess
import sys

from waits import LIMIT

# A process of its own: forking the test's, with whatever threads it has, proves less.
PROGRAM = """
import json, os, threading
from cqrs_telemetry import catalog
from cqrs_telemetry.testing import RecordedTelemetry

recorded = RecordedTelemetry(max_types=3)
def dispatch(name="PlaceOrder"):
    with recorded.telemetry.command(name) as operation:
        operation.produced([1])
for _ in range(10):
    dispatch()

held, release = threading.Event(), threading.Event()
def hold():  # every lock that operations take, as a thread in the middle of them would
    try:
        with recorded.telemetry.command("Held"):  # in flight in the parent alone
            hold_locks()
    finally:
        held.set()
def hold_locks():
    instruments = recorded.telemetry.commands.instruments
    locks = [c.lock for cells in instruments.counters.values() for c in cells._cells.values()]
    locks += [sets._lock for sets in instruments.sets.values()]
    for lock in locks:
        lock.acquire()
    held.set()
    release.wait()
    for lock in locks:
        lock.release()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    dispatch(); dispatch("NewInTheChild")
    counts = {
        "total": recorded.value(catalog.COMMAND_TOTAL),
        "produced": recorded.value(catalog.EVENTS_PRODUCED),
        "active": recorded.value(catalog.COMMAND_ACTIVE),
    }
    os.write(writer, json.dumps(counts).encode())
    os._exit(0)
release.set()
thread.join()
status = os.waitpid(child, 0)[1]
dispatch()
print(json.dumps({
    "child": json.loads(os.read(reader, 10_000)),
    "status": status,
    "parent": recorded.value(catalog.COMMAND_TOTAL),
}))
"""


def test_a_forked_child_counts_from_zero_without_the_parents_locks() -> None:
    """The child reports its own two commands, the parent its twelve, and nobody hangs."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found == {
        "child": {"total": 2, "produced": 2, "active": 0},
        "status": 0,
        "parent": 12,
    }


FOLDED = """
import json, os
from cqrs_telemetry import catalog
from cqrs_telemetry.testing import RecordedTelemetry

recorded = RecordedTelemetry(max_attribute_sets=100)
def reject(reason):
    with recorded.telemetry.command("Import") as operation:
        operation.reject(reason)
def folded():
    reject("Last")
    return [
        recorded.value(catalog.COMMAND_TOTAL, error_type="_other"),
        recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="error.type"),
    ]
for number in range(100):
    reject(f"Reason{number}")
before = folded()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.write(writer, json.dumps(folded()).encode())
    os._exit(0)
status = os.waitpid(child, 0)[1]
print(json.dumps({"before": before, "child": json.loads(os.read(reader, 99)), "after": folded()}))
"""


def test_what_folds_is_counted_from_zero_in_a_child() -> None:
    """The parent's folded totals and overflows are the parent's."""
    result = subprocess.run(
        [sys.executable, "-c", FOLDED], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    found = json.loads(result.stdout)
    assert found["child"] == [1, 1]
    assert found["after"] == [value + 1 for value in found["before"]]
    assert found["before"][0] > 1
