"""When work is done again, when not, and that a run which is cut short leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import get_servers
from get_servers import SERVERS
from servers import pinned_version
from waits import LIMIT, wait_for

Script = Callable[[str, str], Path]
PYTHON = sys.executable


def start(bare_machine: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command itself, on the bare machine."""
    command = [PYTHON, str(bare_machine.parent / "tools/get_servers.py"), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def fake_go(log: Path, then: str) -> str:
    """A Go that notes each build with its process id."""
    return f'if [ "$1" = version ]; then echo go9.9.9; exit; fi\necho $$ >> {log}\n{then}'


def is_running(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be buried by init."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _made(link: Path) -> tuple[int, int]:
    """Which file it is and since when; following a link changes its time of access."""
    status = link.lstat()
    return status.st_ino, status.st_mtime_ns


def test_second_run_starts_nothing(bare_machine: Path, script: Script) -> None:
    """What is there and pinned as before is not looked for again."""
    pint = script("pint", "echo 0.99.0")
    get_servers.get(SERVERS["pint"])
    before = _made(bare_machine / "bin/pint")
    pint.write_text("#!/bin/sh\nexit 1\n")
    get_servers.get(SERVERS["pint"])
    assert _made(bare_machine / "bin/pint") == before


@pytest.mark.parametrize("pin", ["go.mod", "go.sum"])
def test_changed_pin_is_got_again(bare_machine: Path, script: Script, pin: str) -> None:
    """A change of either file makes the binary stale, and only that server's."""
    script("pint", "echo 0.99.0")
    script("amtool", "echo 0.99.0")
    for name in ("pint", "amtool"):
        get_servers.get(SERVERS[name])
    with (get_servers.SOURCES / "pint" / pin).open("a") as file:
        file.write("// changed\n")
    assert get_servers.state_of(SERVERS["pint"]) == "pinned anew since"
    assert get_servers.state_of(SERVERS["amtool"]) == ""
    get_servers.get(SERVERS["pint"])
    assert get_servers.state_of(SERVERS["pint"]) == ""


def test_changed_source_is_built_again(bare_machine: Path, script: Script) -> None:
    """Sources of our own count as pins do."""
    script("compose-spec", "echo 2.99.0")
    get_servers.get(SERVERS["compose-spec"])
    with (get_servers.SOURCES / "compose/main.go").open("a") as file:
        file.write("// changed\n")
    assert get_servers.state_of(SERVERS["compose-spec"]) == "pinned anew since"


def test_vanished_program_is_got_again(bare_machine: Path, script: Script) -> None:
    """A link whose program was uninstalled counts as missing."""
    script("pint", "echo 0.99.0")
    get_servers.get(SERVERS["pint"])
    (bare_machine / "bin/pint").resolve().unlink()
    assert get_servers.state_of(SERVERS["pint"]) == "missing"


def test_check_only_reports(
    bare_machine: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check says what is there and from where, gets nothing, and fails while one is missing."""
    there = script("pint", "echo 0.99.0")
    get_servers.get(SERVERS["pint"])
    with pytest.raises(SystemExit) as status:
        get_servers.main(["--check", "pint", "amtool"])
    assert status.value.code == 1
    assert capsys.readouterr().out == f"pint: 0.99.0 from {there}\namtool: missing\n"
    with pytest.raises(SystemExit) as status:
        get_servers.main(["--check", "pint"])
    assert status.value.code == 0


def test_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt server is named, with the ones there are."""
    with pytest.raises(SystemExit):
        get_servers.main(["promtol"])
    assert "unknown: promtol; there are: prometheus" in capsys.readouterr().err


def test_unwritable_folder_is_named(
    bare_machine: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .tools that cannot be made is an error with its path, not a traceback."""
    blocked = script("file", "") / ".tools"
    monkeypatch.setattr(get_servers, "TARGET", blocked)
    with pytest.raises(SystemExit, match=f"cannot write {blocked}: Not a directory"):
        get_servers.main(["pint"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_run_takes_its_build_along(
    bare_machine: Path, script: Script, tmp_path: Path, number: signal.Signals
) -> None:
    """A signal in mid-build ends the build's children, even deaf ones; nothing half-made stays."""
    builds = tmp_path / "builds"
    script("go", fake_go(builds, f"/bin/sleep 60 & echo $! >> {builds}; wait"))
    run = start(bare_machine, "pint")

    def noted() -> str:
        return builds.read_text() if builds.exists() else ""

    wait_for("two processes of the build", lambda: noted().count("\n") == 2, saw=noted)
    run.send_signal(number)
    said = run.communicate(timeout=LIMIT)[1]
    assert "Traceback" not in said
    assert run.returncode
    pids = [int(pid) for pid in builds.read_text().split()]
    wait_for(
        "end of the build's processes",
        lambda: not any(map(is_running, pids)),
        saw=lambda: list(filter(is_running, pids)),
    )
    assert not list(bare_machine.glob("new-*"))


def test_two_runs_build_once(bare_machine: Path, script: Script, tmp_path: Path) -> None:
    """The second run waits for the first and finds the work done; leftovers are swept."""
    builds = tmp_path / "builds"
    (bare_machine / "new-left").mkdir()
    finish = 'while [ "$1" != -o ]; do shift; done\n/bin/sleep 0.3\n'
    pin = pinned_version(SERVERS["pint"], get_servers.read_go_mod(SERVERS["pint"]))
    finish += f"printf '#!/bin/sh\\necho {pin}\\n' > $2; /bin/chmod +x $2"
    script("go", fake_go(builds, finish))
    runs = [start(bare_machine, "pint") for _ in range(2)]
    said = "".join(run.communicate(timeout=LIMIT)[1] for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert len(builds.read_text().split()) == 1
    assert "another run is getting servers; waiting" in said
    assert not list(bare_machine.glob("new-*"))
