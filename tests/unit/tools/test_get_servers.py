"""Where servers come from, in which order, and what is said when none can be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import get_servers
from get_servers import SERVERS, SOURCES, UnavailableError

Script = Callable[[str, str], Path]

# What `go build -o FILE …` does, as far as the caller sees: FILE reports the linked version.
FAKE_GO = r"""
if [ "$1" = version ]; then echo "go version go9.9.9 linux/amd64"; exit; fi
while [ $# -gt 0 ]; do
  case "$1" in -o) out=$2;; *main.version=*) version=${1##*=};; esac
  shift
done
echo '#!/bin/sh' > "$out"; echo "echo $version" >> "$out"; /bin/chmod +x "$out"
"""


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("prometheus, version 3.16.0 (branch: , revision: x)", (3, 16, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("0.87.0 (revision: unknown)", (0, 87, 0)),
    ],
)
def test_version_is_read_from_what_the_binaries_print(text: str, version: tuple[int, ...]) -> None:
    """The first dotted number counts, whatever stands around it."""
    assert get_servers.parse_version(text) == version


def test_output_without_version_is_unfit() -> None:
    """A binary that tells no version is not taken."""
    with pytest.raises(UnavailableError, match="no version in 'hello'"):
        get_servers.parse_version("hello")


@pytest.mark.parametrize("server", SERVERS.values(), ids=lambda server: server.name)
def test_every_server_is_pinned(server: get_servers.Server) -> None:
    """Each one's go.mod names its module, and at a version that fits the own minimum."""
    go_mod = (SOURCES / server.folder / "go.mod").read_text()
    version = get_servers.parse_version(get_servers.pinned_version(server, go_mod))
    assert version >= server.minimum
    assert get_servers.required_go(go_mod) > (1, 20)


def test_prometheus_module_version_is_the_release() -> None:
    """Module v0.316.0 is release 3.16.0."""
    go_mod = "require github.com/prometheus/prometheus v0.316.0\n"
    assert get_servers.pinned_version(SERVERS["promtool"], go_mod) == "3.16.0"


def test_fitting_version_on_path_is_linked(bare_machine: Path, script: Script) -> None:
    """What the machine has is used, not built again."""
    there = script("pint", "echo 0.99.0")
    get_servers.get(SERVERS["pint"])
    assert (bare_machine / "bin/pint").resolve() == there


def test_old_version_on_path_is_passed_over_for_a_build(bare_machine: Path, script: Script) -> None:
    """Too old on PATH: the pinned module is built, and reports the pinned version."""
    script("pint", "echo 0.1.0")
    script("go", FAKE_GO)
    get_servers.get(SERVERS["pint"])
    go_mod = (SOURCES / "pint/go.mod").read_text()
    pinned = get_servers.pinned_version(SERVERS["pint"], go_mod)
    assert pinned in (bare_machine / "bin/pint").read_text()
    assert pinned in (bare_machine / "stamps/pint").read_text()


def test_nothing_is_done_twice(bare_machine: Path, script: Script) -> None:
    """A second run finds the work done and starts nothing."""
    go = script("go", FAKE_GO)
    get_servers.get(SERVERS["pint"])
    go.unlink()
    get_servers.get(SERVERS["pint"])
    assert (bare_machine / "bin/pint").exists()


def test_changed_pin_is_built_again(
    bare_machine: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stamp holds the recipe's digest: another recipe, another build."""
    script("go", FAKE_GO)
    get_servers.get(SERVERS["pint"])
    (bare_machine / "bin/pint").write_text("stale")
    monkeypatch.setattr(get_servers, "recipe_digest", lambda server: "another")
    get_servers.get(SERVERS["pint"])
    assert "stale" not in (bare_machine / "bin/pint").read_text()


def test_failed_build_leaves_nothing_and_says_all_reasons(
    bare_machine: Path, script: Script
) -> None:
    """When no source works, each says why, and the mend names the versions that would do."""
    script("go", 'if [ "$1" = version ]; then echo go9.9.9; else echo no such module; exit 1; fi')
    with pytest.raises(SystemExit) as error:
        get_servers.get(SERVERS["pint"])
    text = str(error.value)
    assert "no pint on PATH" in text
    assert "no such module" in text
    assert "Debian has no package of pint" in text
    assert "Put pint 0.80 or newer, or Go" in text
    assert not list(bare_machine.rglob("pint"))


def test_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt server is named, with the ones there are."""
    with pytest.raises(SystemExit):
        get_servers.main(["promtol"])
    assert "unknown: promtol; there are: prometheus" in capsys.readouterr().err
