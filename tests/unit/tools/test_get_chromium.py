"""Where Chromium comes from, and what is said when it cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import get_chromium

Script = Callable[[str, str], Path]


@pytest.fixture
def target(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty tools folder of a machine with nothing on PATH."""
    monkeypatch.setattr(get_chromium, "TARGET", bare_machine)
    return bare_machine


@pytest.mark.parametrize("name", get_chromium.NAMES)
def test_chromium_on_path_is_linked(target: Path, script: Script, name: str) -> None:
    """Whatever the distribution calls it, the one on PATH is used."""
    there = script(name, "echo Chromium 156.0.8078.79")
    get_chromium.get()
    assert (target / "bin/chromium").resolve() == there


def test_chromium_that_does_not_run_is_passed_over(target: Path, script: Script) -> None:
    """A stub that only tells to install something is not a browser."""
    script("chromium", "exit 1")
    there = script("google-chrome", "echo Google Chrome 150.0.1")
    get_chromium.get()
    assert (target / "bin/chromium").resolve() == there


def test_link_to_a_removed_browser_is_made_anew(target: Path, script: Script) -> None:
    """What was uninstalled since is looked for again."""
    (target / "bin").mkdir()
    (target / "bin/chromium").symlink_to(target / "gone")
    there = script("chromium", "echo Chromium 1.0")
    get_chromium.get()
    assert (target / "bin/chromium").resolve() == there


def test_nothing_to_be_had_is_an_error_with_the_mend(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every source says why it failed, and the error says what to install."""
    with pytest.raises(SystemExit, match="install chromium or google-chrome"):
        get_chromium.get()
    said = capsys.readouterr().err
    assert "no Chromium on PATH" in said
    assert "no apt-get and dpkg-deb here" in said
    assert not (target / "bin/chromium").exists()
