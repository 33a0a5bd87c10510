"""Run the instrumentation's tests on every supported Python: ``python tools/test_pythons.py``.

Pythons that uv finds on this machine, or can get, each with an environment of its own in
.tools/pythons.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".tools/pythons"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
TESTS = ("tests/unit/instrumentation", "-q", "-m", "not servers")
SECONDS = 1800  # for one version's tests


def search_path() -> str:
    """PATH, and the Pythons that pyenv keeps beside it."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = sorted(str(folder) for folder in root.glob("versions/3.*/bin"))
    return os.pathsep.join([*folders, os.environ["PATH"]])


def make_environment(version: str) -> Path | None:
    """The interpreter of an environment with the locked dependencies; None without that Python."""
    uv = str(Path(sys.executable).with_name("uv"))
    folder = FOLDER / version
    python = folder / "bin/python"
    environ = {**os.environ, "VIRTUAL_ENV": str(folder), "PATH": search_path()}
    made = subprocess.run(
        [uv, "venv", "-q", "--clear", "--no-project", "--python", version, folder],
        env=environ, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    if made.returncode:
        print(f"{version}: {made.stderr.strip()}", flush=True)
        return None
    for options in (
        ["--require-hashes", "-r", "requirements.lock"],
        ["--no-deps", "--no-build-isolation", "-e", "instrumentation"],
    ):
        subprocess.run(
            [uv, "pip", "install", "-q", *options], cwd=ROOT, env=environ, check=True,
            timeout=SECONDS,
        )  # fmt: skip
    return python


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=VERSIONS, help="by default all supported")
    found: dict[str, str] = {}
    for version in parser.parse_args().versions:
        python = make_environment(version)
        if python is None:
            found[version] = "not found"
            continue
        print(f"{version}:", flush=True)
        done = subprocess.run(
            [python, "-m", "pytest", *TESTS], cwd=ROOT, check=False, timeout=SECONDS
        )
        found[version] = "failed" if done.returncode else "passed"
    print("; ".join(f"{version} {result}" for version, result in found.items()))
    if "failed" in found.values() or "passed" not in found.values():
        sys.exit(1)


if __name__ == "__main__":
    main()
