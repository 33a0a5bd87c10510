"""Tools that are shell scripts in a temporary folder, in place of the machine's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import get_servers

Script = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Puts an executable on the PATH of ``bare_machine``."""

    def write(name: str, body: str) -> Path:
        path = tmp_path / "path" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH and an empty tools folder, which is returned."""
    target = tmp_path / "tools"
    target.mkdir()
    (tmp_path / "path").mkdir()
    monkeypatch.setattr(get_servers, "TARGET", target)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return target
