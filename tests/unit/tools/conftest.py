"""A machine that has only what a test puts on its PATH: shell scripts that act as the tools."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import get_servers

Script = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Puts an executable on the PATH of ``bare_machine``."""
    (tmp_path / "path").mkdir(exist_ok=True)

    def write(name: str, body: str) -> Path:
        path = tmp_path / "path" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of tools/ where nothing is on PATH, neither uv nor pip; its .tools is returned."""
    sources = tmp_path / "project/tools"
    shutil.copytree(
        get_servers.SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache")
    )
    target = tmp_path / "project/.tools"
    target.mkdir()
    (tmp_path / "path").mkdir(exist_ok=True)
    monkeypatch.setattr(get_servers, "SOURCES", sources)
    monkeypatch.setattr(get_servers, "TARGET", target)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "path/python3"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return target
