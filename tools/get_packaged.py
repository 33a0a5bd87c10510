"""Bring programs that come with libraries and files of their own into ``.tools/bin``.

Chromium, for what looks at pages, and PostgreSQL, which tests ask for backlogs: those that the
machine has, else Debian's packages, extracted without root with the libraries that it lacks.
Neither is built from source here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from debian import extract
from get_servers import TARGET, exclusive
from processes import say
from servers import UnavailableError, Version, format_version
from toolchain import version_of


@dataclass(frozen=True)
class Packaged:
    """A program, how it is found on a machine, and what Debian packages it with."""

    name: str  # in .tools/bin; what is extracted is in .tools/NAME
    called: tuple[str, ...]  # file names on a machine that has it
    packages: tuple[str, ...]
    installed: str  # the program in Debian's packages, as a pattern
    mend: str  # what to install
    minimum: Version = (0,)
    beside: tuple[str, ...] = ()  # programs of the same folder, for .tools/bin too
    folders: tuple[str, ...] = ()  # patterns of those beyond PATH in which distributions put it
    environment: str = ""  # lines of a shell, which know $root and $lib

    @property
    def programs(self) -> tuple[str, ...]:
        """All that is put into ``.tools/bin``."""
        return (self.name, *self.beside)


PROGRAMS = {
    each.name: each
    for each in (
        Packaged(
            "chromium",
            called=("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
            packages=("chromium", "fonts-dejavu-core"),  # without any font a page shows no text
            installed="usr/lib/chromium/chromium",
            mend="chromium or google-chrome",
            # Pulseaudio's libraries are in a folder of their own; fontconfig looks for fonts there.
            environment="""\
LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$lib/pulseaudio"
export XDG_DATA_HOME="$root/usr/share"
[ -d /etc/fonts ] || export FONTCONFIG_PATH="$root/etc/fonts"
""",
        ),
        Packaged(
            "postgres",
            called=("postgres",),
            packages=("postgresql",),  # which needs the release's own version of it
            installed="usr/lib/postgresql/*/bin/postgres",
            mend="postgresql",
            minimum=(12,),  # what eventsourcing supports
            beside=("initdb",),
            folders=("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"),
        ),
    )
}

# Extracted libraries are found through the environment.
WRAPPER = """#!/bin/sh
root={root}
lib="$root/usr/lib/{architecture}"
export LD_LIBRARY_PATH="$lib:$root/lib/{architecture}"
{environment}exec "{program}" "$@"
"""


def find_on_machine(program: Packaged) -> Iterator[Path]:
    """Each one that is there: on PATH, in PATH's order, then elsewhere, the newest first."""
    own = (TARGET / "bin").resolve()
    hidden = [folder for each in program.folders for folder in sorted(glob(each), reverse=True)]  # noqa: PTH207 - absolute patterns
    for name in program.called:
        for folder in (*os.get_exec_path(), *hidden):
            found = shutil.which(name, path=folder)
            if found and Path(folder).resolve() != own:
                yield Path(found)


def take_from_machine(program: Packaged) -> str:
    """Link to the first that runs and is new enough."""
    reasons = []
    for found in find_on_machine(program):
        try:
            version = version_of([found, "--version"])
        except UnavailableError as problem:
            reasons.append(str(problem))
            continue
        if version < program.minimum:
            needed = format_version(program.minimum)
            reasons.append(f"{found} is {format_version(version)}, not {needed} or newer")
            continue
        lacking = [name for name in program.beside if not found.with_name(name).exists()]
        if lacking:
            reasons.append(f"{found} has no {lacking[0]} beside it")
            continue
        for name in program.programs:
            there = found if name == program.name else found.with_name(name)
            (TARGET / "bin" / name).symlink_to(there.absolute())
        return str(found)
    raise UnavailableError("; ".join(reasons) or f"no {' or '.join(program.called)} on PATH")


def extract_from_debian(program: Packaged) -> str:
    """Put Debian's packages beside the other tools, and wrappers that start what is in them."""
    root = TARGET / program.name
    with tempfile.TemporaryDirectory(prefix="new-", dir=TARGET) as work:
        extracted = extract(program.packages, Path(work), dependencies=True)
        found = sorted(extracted.glob(program.installed))
        if not found:
            raise UnavailableError(f"Debian's {program.packages[0]} has no {program.installed}")
        installed = found[-1].relative_to(extracted)
        shutil.rmtree(root, ignore_errors=True)
        extracted.replace(root)
    architecture = next((root / "usr/lib").glob("*-linux-gnu*"), root).name
    for name in program.programs:
        text = WRAPPER.format(
            root=root, architecture=architecture, environment=program.environment,
            program=root / (installed if name == program.name else installed.with_name(name)),
        )  # fmt: skip
        wrapper = TARGET / "bin" / name
        wrapper.write_text(text)
        wrapper.chmod(0o755)
    return f"Debian's {program.packages[0]}"


SOURCES_IN_ORDER = {take_from_machine: "from this machine", extract_from_debian: "from Debian"}


def get(program: Packaged) -> None:
    """Make ``.tools/bin/NAME`` work, or say of each source why it did not."""
    binaries = [TARGET / "bin" / name for name in program.programs]
    binaries[0].parent.mkdir(parents=True, exist_ok=True)
    if all(binary.exists() for binary in binaries):
        return
    say(f"{program.name}:")
    for source in SOURCES_IN_ORDER:
        for binary in binaries:
            binary.unlink(missing_ok=True)  # half of it, or a link to what is gone
        try:
            origin = source(program)
            version = version_of([binaries[0], "--version"])
        except (UnavailableError, OSError) as problem:
            say(f"  not {SOURCES_IN_ORDER[source]}: {problem}")
            continue
        say(f"  {format_version(version)} from {origin}")
        return
    for binary in binaries:
        binary.unlink(missing_ok=True)
    raise SystemExit(f"cannot get {program.name}: install {program.mend} and run again")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(PROGRAMS)}")
    names = parser.parse_args(arguments).names or list(PROGRAMS)
    if unknown := sorted(set(names) - set(PROGRAMS)):
        parser.error(f"unknown: {', '.join(unknown)}; there are: {', '.join(PROGRAMS)}")
    with exclusive():
        for name in names:
            get(PROGRAMS[name])


if __name__ == "__main__":
    main()
