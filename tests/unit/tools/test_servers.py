"""What is pinned, and what the versions and commands derived from it say."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from get_servers import SOURCES
from servers import (
    SERVERS,
    Server,
    UnavailableError,
    build_command,
    build_environment,
    parse_version,
    pinned_version,
    recipe_digest,
    required_go,
)

BUILT = [server for server in SERVERS.values() if server.folder]
every_server = pytest.mark.parametrize("server", BUILT, ids=lambda server: server.name)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("prometheus, version 3.16.0 (branch: , revision: x)", (3, 16, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27rc1 linux/arm64", (1, 27)),
        ("0.87.0 (revision: unknown)", (0, 87, 0)),
        ("prometheus, version 2.42.0+ds (branch: debian/sid)", (2, 42, 0)),
    ],
)
def test_version_is_read_from_what_the_binaries_print(text: str, version: tuple[int, ...]) -> None:
    """The first dotted number counts, whatever stands around it."""
    assert parse_version(text) == version


def test_output_without_version_is_unfit() -> None:
    """A binary that tells no version is not taken."""
    with pytest.raises(UnavailableError, match="no version in 'hello'"):
        parse_version("hello")


@every_server
def test_every_server_is_pinned(server: Server) -> None:
    """The go.mod of each that is built names its module, at a version that fits the own minimum."""
    go_mod = (SOURCES / server.folder / "go.mod").read_text()
    assert parse_version(pinned_version(server, go_mod)) >= server.minimum
    assert required_go(go_mod) > (1, 20)


@every_server
def test_every_package_is_a_tool_of_its_module(server: Server) -> None:
    """go.mod names what is built, as a tool that `go mod tidy` keeps, or as sources beside it."""
    assert server.package in (SOURCES / server.folder / "go.mod").read_text().split()


def test_collector_is_what_its_manifest_lists() -> None:
    """go.mod and the sources are the builder's of this manifest, the parts of one release."""
    folder = SOURCES / "otelcol"
    manifest = yaml.safe_load((folder / "builder.yaml").read_text())
    dist = manifest.pop("dist")
    parts = {part["gomod"] for kind in manifest.values() for part in kind}
    sources = "".join(file.read_text() for file in folder.glob("*.go"))
    imported = re.findall(r"^\t(\w+) \"(\S+)\"$", sources, re.MULTILINE)
    known = dict(line.split() for line in parts)
    assert {module for name, module in imported if f"{name}.NewFactory()," in sources} - {
        "go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
    } == set(known)
    go_mod = (folder / "go.mod").read_text().splitlines()
    assert {f"\t{part}" for part in parts} <= set(go_mod)
    assert f'Version:     "{dist["version"]}"' in sources
    version = pinned_version(SERVERS["otelcol"], "\n".join(go_mod))
    assert {f"v{version}"} == {
        known[module] for module in known if "/confmap/provider/" not in module
    }


def test_prometheus_module_version_is_the_release() -> None:
    """Module v0.316.0 is release 3.16.0; v0.400.1 would be 4.0.1."""
    go_mod = "require github.com/prometheus/prometheus v0.316.0\n"
    assert pinned_version(SERVERS["promtool"], go_mod) == "3.16.0"
    assert pinned_version(SERVERS["promtool"], go_mod.replace("316.0", "400.1")) == "4.0.1"


def test_missing_pin_names_the_file() -> None:
    """A go.mod that lost its requirement is named, with the module."""
    with pytest.raises(ValueError, match=r"tools/pint/go.mod .* github.com/cloudflare/pint"):
        pinned_version(SERVERS["pint"], "module x\n")


def test_build_command_injects_version_and_leaves_pins_alone() -> None:
    """Exact flags, in order: read-only pins, no paths of this machine, a version that is true."""
    assert build_command(SERVERS["promtool"], "go", Path("out"), "3.16.0") == [
        "go", "build", "-v", "-mod=readonly", "-trimpath", "-tags", "netgo,remove_all_sd",
        "-ldflags", "-s -w -X github.com/prometheus/common/version.Version=3.16.0",
        "-o", "out", "github.com/prometheus/prometheus/cmd/promtool",
    ]  # fmt: skip


def test_build_sets_no_version_where_the_sources_have_one() -> None:
    """What the collector's builder wrote knows its version."""
    command = build_command(SERVERS["otelcol"], "go", Path("out"), "0.161.0")
    assert "-s -w" in command
    assert command[-1] == "cqrs-observability/tools/otelcol"


def test_build_fetches_no_toolchain_and_ignores_cross_compilation() -> None:
    """GOTOOLCHAIN=local, and a GOARCH left in the shell does not give an alien binary."""
    environment = build_environment(Path("scratch"))
    assert environment["GOTOOLCHAIN"] == "local"
    assert environment["GOARCH"] == environment["GOOS"] == ""
    assert environment["GOTMPDIR"] == "scratch"


def test_recipe_changes_with_pins_and_flags_only() -> None:
    """Same recipe, same digest; another pin or another tag, another digest."""
    pint = SERVERS["pint"]
    digest = recipe_digest(pint, [b"go.mod", b"go.sum"])
    assert digest == recipe_digest(pint, [b"go.mod", b"go.sum"])
    assert digest != recipe_digest(pint, [b"go.mod2", b"go.sum"])
    assert digest != recipe_digest(dataclasses.replace(pint, tags="x"), [b"go.mod", b"go.sum"])
