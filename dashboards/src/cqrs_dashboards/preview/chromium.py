"""Screenshots of the preview through Chromium's own command line.

Playwright would bring 40 MB to do the same; the page says when it is drawn and how high it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..files import Json

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ADVICE = (
    f"none of {', '.join(_NAMES)} was found on PATH; install Debian's package chromium or any "
    "Chrome, or give the program by --chromium"
)
_WIDTH = 1600  # pixels
_FIRST_HEIGHT = 1200  # until the page has told its own
_MILLISECONDS = 30_000  # of the page's own clock, which stands still while it waits for answers
_TIMEOUT = 90  # seconds until Chromium is given up


class ChromiumError(Exception):
    """No screenshot could be taken; the text says why."""


def find_chromium() -> Path:
    """Where Chromium is.

    Raises:
        ChromiumError: It is not on PATH.
    """
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise ChromiumError(_ADVICE)
    return Path(found)


def take_screenshots(
    folder: Path,
    dashboards: Sequence[Json],
    url_of: Callable[[str], str],
    chromium: Path | None = None,
) -> list[Path]:
    """One PNG per dashboard, as high as its page; returns their paths.

    ``chromium`` is the program; by default the one on PATH.

    Raises:
        ChromiumError: Chromium is missing or fails, a page is not drawn, the folder not writable.
    """
    chromium = chromium or find_chromium()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChromiumError(f"{folder}: cannot be written: {error.strerror}") from None
    return [_take(chromium, folder, each["uid"], url_of(each["uid"])) for each in dashboards]


def _take(chromium: Path, folder: Path, uid: str, url: str) -> Path:
    # Beside its target, so that the last step is an atomic rename.
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        page = _run(chromium, temporary, _FIRST_HEIGHT, "--dump-dom", url)
        drawn = re.search(r'<body[^>]*\bdata-ready="true"[^>]*>', page)
        height = re.search(r'\bdata-height="(\d+)"', drawn[0]) if drawn else None
        if height is None:
            raise ChromiumError(f"{url} was not drawn within {_MILLISECONDS // 1000} s")
        shot = Path(temporary) / f"{uid}.png"
        _run(chromium, temporary, int(height[1]), f"--screenshot={shot}", url)
        if not shot.is_file():
            raise ChromiumError(f"{chromium} wrote no screenshot of {url}")
        return shot.replace(folder / shot.name)


def _run(chromium: Path, profile: str, height: int, action: str, url: str) -> str:
    command = [
        str(chromium), "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={profile}/profile",
        f"--window-size={_WIDTH},{height}", f"--virtual-time-budget={_MILLISECONDS}",
        # Chromium's sandbox refuses to run as root; the page is our own.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        action, url,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise ChromiumError(f"{chromium} did not finish {url} within {_TIMEOUT} s") from None
    except OSError as error:
        raise ChromiumError(f"{chromium} cannot be run: {error.strerror}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()[-3:]
        raise ChromiumError(f"{chromium} failed on {url}: {' '.join(lines)}")
    return done.stdout
