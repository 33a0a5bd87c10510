"""Every wait of the tests has a deadline."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# Measurements that a person starts and watches: some take hours, and none is part of the suite.
BY_HAND = {"bench", "mutation"}
MODULES = sorted(
    path
    for path in TESTS.rglob("*.py")
    if path.relative_to(TESTS).parts[0] not in BY_HAND and path.name != "waits.py"
)

# Methods that wait for ever when called without arguments, and functions that do so by default.
WAITING = {"wait", "communicate", "join", "acquire", "readline"}
RUNNING = {"run", "check_output", "check_call", "call"}
EXITS = (ast.Break, ast.Return, ast.Raise)


def endless_waits(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each wait that nothing ends, in a module's source.

    A loop without an exit waits for nothing: it is a program that runs until it is ended.
    Coroutines have the test's own limit: pytest-timeout ends an event loop that is stuck.
    """
    tree = ast.parse(source)
    awaited = {
        id(call)
        for node in ast.walk(tree)
        if isinstance(node, ast.Await)
        for call in ast.walk(node.value)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and _sleeps(node) and _can_end(node):
            yield node.lineno, f"while {ast.unparse(node.test)}: … sleep"
        if isinstance(node, ast.Call) and id(node) not in awaited and _waits(node):
            yield node.lineno, ast.unparse(node)


def _sleeps(loop: ast.While) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
        for node in ast.walk(loop)
    )


def _can_end(loop: ast.While) -> bool:
    for_ever = isinstance(loop.test, ast.Constant) and loop.test.value
    return not for_ever or any(isinstance(node, EXITS) for node in ast.walk(loop))


def _waits(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if any(word.arg == "timeout" or word.arg is None for word in call.keywords):
        return False
    if call.func.attr == "urlopen":
        return True
    if ast.unparse(call.func.value) == "subprocess":
        return call.func.attr in RUNNING
    return call.func.attr in WAITING and not call.args


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_waits_end(path: Path):
    """A wait goes through ``waits`` or has a ``timeout``: what hangs fails, and says on what."""
    found = [f"line {line}: {text}" for line, text in endless_waits(path.read_text())]
    assert not found, f"{path.name} waits without a deadline:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "while not done():\n    time.sleep(1)",
        "while True:\n    if done():\n        break\n    time.sleep(1)",
        "subprocess.run(['true'])",
        "process.wait()",
        "process.communicate()",
        "thread.join()",
        "process.stdout.readline()",
        "urllib.request.urlopen(url)",
    ],
)
def test_finds_what_waits_for_ever(source: str):
    """The check sees each kind of endless wait."""
    assert list(endless_waits(source))


@pytest.mark.parametrize(
    "source",
    [
        "wait_for('it', done)",
        "subprocess.run(['true'], timeout=LIMIT)",
        "process.wait(20)",
        "process.communicate(timeout=5)",
        "', '.join(words)",
        "await event.wait()",
        "while not stop.wait(1):\n    work()",
        "while True:\n    work()\n    time.sleep(1)",
    ],
)
def test_passes_what_ends(source: str):
    """The check leaves alone what has a limit, or is no wait."""
    assert not list(endless_waits(source))
