"""Where Chromium and PostgreSQL come from, and what is said when they cannot be had."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import get_packaged
from get_packaged import PROGRAMS
from waits import LIMIT

Script = Callable[[str, str], Path]

CHROMIUM = PROGRAMS["chromium"]
# Whatever this machine has beyond PATH is not of a bare one.
POSTGRES = dataclasses.replace(PROGRAMS["postgres"], folders=())

FAKE_APT = r"""
case "$*" in
  *"install --simulate"*) echo "Inst postgresql-15 (15.18 Debian)"; echo "Inst libpq5 (15.18)";;
  *" download "*) echo "$*" > ../../../asked; : > package.deb;;
esac
"""
FAKE_DPKG = r"""
bin=$3/usr/lib/postgresql/15/bin; /bin/mkdir -p "$bin" "$3/usr/lib/x86_64-linux-gnu"
for name in postgres initdb; do
  printf '#!/bin/sh\necho "%s (PostgreSQL) 15.18, $LD_LIBRARY_PATH, $*"\n' $name > "$bin/$name"
  /bin/chmod +x "$bin/$name"
done
"""


@pytest.fixture
def target(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty tools folder of a machine with nothing on PATH."""
    monkeypatch.setattr(get_packaged, "TARGET", bare_machine)
    return bare_machine


@pytest.mark.parametrize("name", CHROMIUM.called)
def test_chromium_on_path_is_linked(target: Path, script: Script, name: str) -> None:
    """Whatever the distribution calls it, the one on PATH is used."""
    there = script(name, "echo Chromium 156.0.8078.79")
    get_packaged.get(CHROMIUM)
    assert (target / "bin/chromium").resolve() == there


def test_chromium_that_does_not_run_is_passed_over(target: Path, script: Script) -> None:
    """A stub that only tells to install something is not a browser."""
    script("chromium", "exit 1")
    there = script("google-chrome", "echo Google Chrome 150.0.1")
    get_packaged.get(CHROMIUM)
    assert (target / "bin/chromium").resolve() == there


def test_link_to_a_removed_browser_is_made_anew(target: Path, script: Script) -> None:
    """What was uninstalled since is looked for again."""
    (target / "bin").mkdir()
    (target / "bin/chromium").symlink_to(target / "gone")
    there = script("chromium", "echo Chromium 1.0")
    get_packaged.get(CHROMIUM)
    assert (target / "bin/chromium").resolve() == there


def test_postgres_is_found_where_debian_hides_it(target: Path, tmp_path: Path) -> None:
    """Not on PATH, several versions: the newest, with the program that sets a database up."""
    for version in ("14", "15"):
        folder = tmp_path / "postgresql" / version / "bin"
        folder.mkdir(parents=True)
        for name in POSTGRES.programs:
            (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}.3'\n")
            (folder / name).chmod(0o755)
    hidden = (str(tmp_path / "postgresql/*/bin"),)
    get_packaged.get(dataclasses.replace(POSTGRES, folders=hidden))
    for name in POSTGRES.programs:
        assert (target / "bin" / name).resolve() == tmp_path / "postgresql/15/bin" / name


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("9.6.24", "postgres is 9.6.24, not 12 or newer"),
        ("15.3", "postgres has no initdb beside it"),
    ],
)
def test_unfit_postgres_gives_way_to_debians(
    target: Path, script: Script, capsys: pytest.CaptureFixture[str], version: str, reason: str
) -> None:
    """Too old or half: said; the release's packages come, with what they need, by a wrapper."""
    script("postgres", f"echo 'postgres (PostgreSQL) {version}'")
    script("apt-get", FAKE_APT)
    script("dpkg-deb", FAKE_DPKG)
    get_packaged.get(POSTGRES)
    said = capsys.readouterr().err
    assert reason in said
    assert "15.18 from Debian's postgresql" in said
    asked = next(target.parent.rglob("asked")).read_text()
    assert asked.split(" download ")[1].split() == ["libpq5", "postgresql", "postgresql-15"]
    for name in POSTGRES.programs:
        shown = subprocess.run(
            [target / "bin" / name, "-D", "a b"],
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT,
        ).stdout
        libraries = f"{target}/postgres/usr/lib/x86_64-linux-gnu:"
        assert shown.startswith(f"{name} (PostgreSQL) 15.18, {libraries}")
        assert shown.endswith(", -D a b\n")


def test_what_is_there_is_not_looked_for_again(target: Path, script: Script) -> None:
    """A second run starts nothing; half of a program is as good as none."""
    script("initdb", "echo initdb 15.3")
    there = script("postgres", "echo postgres 15.3")
    get_packaged.get(POSTGRES)
    there.write_text("#!/bin/sh\nexit 1\n")
    get_packaged.get(POSTGRES)
    (target / "bin/initdb").unlink()
    with pytest.raises(SystemExit):
        get_packaged.get(POSTGRES)
    assert not list((target / "bin").iterdir())


@pytest.mark.parametrize(
    ("program", "mend", "missing"),
    [
        (CHROMIUM, "chromium or google-chrome", "no chromium or chromium-browser or"),
        (POSTGRES, "postgresql", "no postgres on PATH"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_nothing_to_be_had_is_an_error_with_the_mend(
    target: Path,
    capsys: pytest.CaptureFixture[str],
    program: get_packaged.Packaged,
    mend: str,
    missing: str,
) -> None:
    """Every source says why it failed, and the error says what to install."""
    with pytest.raises(SystemExit, match=f"cannot get {program.name}: install {mend} and run"):
        get_packaged.get(program)
    said = capsys.readouterr().err
    assert f"not from this machine: {missing}" in said
    assert "not from Debian: no apt-get and dpkg-deb here" in said
    assert not list((target / "bin").iterdir())


def test_packages_without_the_program_are_no_source(
    target: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    """A release that lays it out otherwise: said, and nothing half-made stays."""
    script("apt-get", FAKE_APT)
    script("dpkg-deb", "exit 0")
    with pytest.raises(SystemExit):
        get_packaged.get(POSTGRES)
    assert "Debian's postgresql has no usr/lib/postgresql/*/bin/postgres" in capsys.readouterr().err
    assert not list(target.glob("new-*"))


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the ones there are."""
    with pytest.raises(SystemExit):
        get_packaged.main(["postgress"])
    assert "unknown: postgress; there are: chromium, postgres" in capsys.readouterr().err
