"""The servers and linters that demo and tests use: where they are pinned, how they are built.

Only data and pure functions; ``get_servers`` does what is written here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

Version = tuple[int, ...]


class UnavailableError(Exception):
    """This way of getting a server does not work here; the text says why."""


@dataclass(frozen=True)
class Server:
    """A binary: what it is built from, and what else would do."""

    name: str
    folder: str  # below tools/, holds go.mod and go.sum; empty when it is not built
    package: str  # Go package with the main function
    minimum: Version  # what fits when it is on PATH
    version_symbol: str | None  # the linker sets it, so that --version tells the truth
    version_command: str = "--version"
    tags: str = ""
    debian: str | None = None
    called: tuple[str, ...] = ()  # file names outside .tools/bin, where not this name alone
    release: str | None = None  # module whose version is the release, where not the package's
    # First version that fits no more; no part of a recipe, which is what a build is made from.
    below: Version | None = field(default=None, repr=False)

    @property
    def module(self) -> str:
        """Go module whose version go.mod pins."""
        return self.release or self.package.partition("/cmd/")[0]

    @property
    def binary_names(self) -> tuple[str, ...]:
        """File names under which the binary is found outside ``.tools/bin``."""
        return self.called or (self.name,)

    @property
    def fitting(self) -> str:
        """Versions that fit, in words."""
        upper = f" and older than {format_version(self.below)}" if self.below else ""
        return f"{format_version(self.minimum)} or newer{upper}"

    def fits(self, version: Version) -> bool:
        """Whether a version would do."""
        return self.minimum <= version and not (self.below and version >= self.below)


_COMMON_VERSION = "github.com/prometheus/common/version.Version"
# Without service discovery plugins Prometheus compiles in a third of the time.
_PROMETHEUS_TAGS = "netgo,remove_all_sd"

SERVERS = {
    server.name: server
    for server in (
        Server(
            "prometheus", "prometheus", "github.com/prometheus/prometheus/cmd/prometheus",
            (3, 0), _COMMON_VERSION, tags=_PROMETHEUS_TAGS, debian="prometheus",
        ),
        Server(
            "promtool", "prometheus", "github.com/prometheus/prometheus/cmd/promtool",
            (3, 0), _COMMON_VERSION, tags=_PROMETHEUS_TAGS, debian="prometheus",
        ),
        # What Debian has: the roads that a Prometheus 2 takes are tested on one.
        Server(
            "prometheus2", "", "", (2, 42), None, debian="prometheus", called=("prometheus",),
            below=(3,),
        ),
        Server(
            "alertmanager", "alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager",
            (0, 25), _COMMON_VERSION, debian="prometheus-alertmanager",
            called=("alertmanager", "prometheus-alertmanager"),  # Debian renames what might clash
        ),
        Server(
            "amtool", "alertmanager", "github.com/prometheus/alertmanager/cmd/amtool",
            (0, 25), _COMMON_VERSION, debian="prometheus-alertmanager",
        ),
        Server(
            "pint", "pint", "github.com/cloudflare/pint/cmd/pint",
            (0, 80), "main.version", version_command="version",
        ),
        # Sources that the collector's builder wrote. An otelcol on PATH would be the distribution
        # that lacks tail sampling.
        Server(
            "otelcol", "otelcol", "cqrs-observability/tools/otelcol",
            (0, 161), version_symbol=None, called=("otelcol-contrib",),
            release="go.opentelemetry.io/collector/otelcol",
        ),
        # What docker compose reads files with.
        Server(
            "compose-spec", "compose", "cqrs-observability/tools/compose",
            (2, 0), "main.version", release="github.com/compose-spec/compose-go/v2",
        ),
    )
}  # fmt: skip


def parse_version(text: str) -> Version:
    """First dotted number in a version command's output, as integers."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    if not found:
        raise UnavailableError(f"no version in {text.strip()[:80]!r}")
    return tuple(int(part) for part in found.group().split("."))


def format_version(version: Version) -> str:
    """The usual dotted form."""
    return ".".join(map(str, version))


def pinned_version(server: Server, go_mod: str) -> str:
    """Release that the pinned module stands for: Prometheus 3.16.0 is module v0.316.0."""
    found = re.search(rf"^\s*(?:require )?{re.escape(server.module)} v(\S+)", go_mod, re.MULTILINE)
    if not found:
        raise ValueError(f"tools/{server.folder}/go.mod does not require {server.module}")
    version = found.group(1)
    if server.module.endswith("/prometheus"):
        _, minor, patch = (int(part) for part in version.split("."))
        version = f"{minor // 100}.{minor % 100}.{patch}"
    return version


def required_go(go_mod: str) -> Version:
    """Oldest Go that builds the module."""
    found = re.search(r"^go (\S+)", go_mod, re.MULTILINE)
    return parse_version(found.group(1)) if found else (0,)


def build_command(server: Server, go: str, output: Path, version: str) -> list[str]:
    """The Go build: reproducible, without touching go.mod or go.sum; -v names what it is at."""
    told = f" -X {server.version_symbol}={version}" if server.version_symbol else ""
    return [
        go, "build", "-v", "-mod=readonly", "-trimpath", "-tags", server.tags,
        "-ldflags", f"-s -w{told}", "-o", str(output), server.package,
    ]  # fmt: skip


def build_environment(scratch: Path) -> dict[str, str]:
    """Whatever the user's Go is set to, build for this machine, here, without another toolchain."""
    return {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
        "GOOS": "",
        "GOARCH": "",
        "GOTMPDIR": str(scratch),  # goes away with the scratch folder, however the build ends
    }


def recipe_digest(server: Server, pins: Iterable[bytes]) -> str:
    """Changes when anything that the binary is made from changes."""
    return hashlib.sha256(b"\0".join([repr(server).encode(), *pins])).hexdigest()
