"""Bring Chromium into ``.tools/bin`` for what looks at pages: tests and screenshots.

The one on PATH, else Debian's packages, extracted without root with the libraries that this machine
lacks. No browser is built from source here.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from debian import extract
from get_servers import TARGET, exclusive
from processes import say
from servers import UnavailableError, format_version
from toolchain import find_on_path, version_of

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-dejavu-core")  # a page without any font shows no text
INSTALLED = "usr/lib/chromium/chromium"  # inside Debian's package

# Extracted libraries are found through the environment; pulseaudio's are in a folder of their own.
WRAPPER = """#!/bin/sh
root={root}
lib="$root/usr/lib/{architecture}"
export LD_LIBRARY_PATH="$lib:$lib/pulseaudio:$root/lib/{architecture}"
export XDG_DATA_HOME="$root/usr/share"  # fontconfig looks for fonts below it
[ -d /etc/fonts ] || export FONTCONFIG_PATH="$root/etc/fonts"
exec "$root/{installed}" "$@"
"""


def take_from_path(binary: Path) -> str:
    """Link to the first Chromium on PATH that runs."""
    reasons = []
    for name in NAMES:
        for found in find_on_path(name, but=binary.parent):
            try:
                version_of([found, "--version"])
            except UnavailableError as problem:
                reasons.append(str(problem))
                continue
            binary.symlink_to(Path(found).absolute())
            return found
    raise UnavailableError("; ".join(reasons) or "no Chromium on PATH")


def extract_from_debian(binary: Path) -> str:
    """Put Debian's Chromium beside the other tools, and a wrapper that starts it."""
    root = TARGET / "chromium"
    with tempfile.TemporaryDirectory(prefix="new-", dir=TARGET) as work:
        extracted = extract(PACKAGES, Path(work), dependencies=True)
        if not (extracted / INSTALLED).exists():
            raise UnavailableError(f"Debian's chromium has no {INSTALLED}")
        shutil.rmtree(root, ignore_errors=True)
        extracted.replace(root)
    architecture = next((root / "usr/lib").glob("*-linux-gnu*"), root).name
    text = WRAPPER.format(root=root, architecture=architecture, installed=INSTALLED)
    binary.write_text(text)
    binary.chmod(0o755)
    return "Debian's chromium"


def get() -> None:
    """Make ``.tools/bin/chromium`` work, or say of each source why it did not."""
    binary = TARGET / "bin/chromium"
    binary.parent.mkdir(parents=True, exist_ok=True)
    if binary.exists():
        return
    say("chromium:")
    binary.unlink(missing_ok=True)  # a link to what is gone
    for source in (take_from_path, extract_from_debian):
        try:
            origin = source(binary)
            version = version_of([binary, "--version"])
        except (UnavailableError, OSError) as problem:
            binary.unlink(missing_ok=True)
            say(f"  not by {source.__name__.replace('_', ' ')}: {problem}")
            continue
        say(f"  {format_version(version)} from {origin}")
        return
    raise SystemExit("cannot get Chromium: install chromium or google-chrome and run again")


if __name__ == "__main__":
    with exclusive():
        get()
