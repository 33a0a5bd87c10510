"""The shipped collector: where its files are, how it is started, on which ports it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

BASE = "otel-collector.yaml"
OTLP_PORT, EXPORT_PORT, METRICS_PORT, HEALTH_PORT = 4318, 9464, 8888, 13133
_FOLDER = "collector"


class NoCollectorFilesError(Exception):
    """The collector's configuration is not here."""


def find_file(name: str) -> Path:
    """A file of the checkout that this runs in.

    Raises:
        NoCollectorFilesError: There is none.
    """
    start = Path.cwd()
    for folder in (start, *start.parents):
        path = folder / _FOLDER / name
        if path.is_file():
            return path
    raise NoCollectorFilesError(
        f"no {_FOLDER}/{name} in {start} or above it; start this inside a checkout"
    )


def read_file(name: str) -> Any:
    """What is in such a file.

    Raises:
        NoCollectorFilesError: There is none.
    """
    return yaml.safe_load(find_file(name).read_text())


def command(program: Path, overlay: Path, feature_gates: Sequence[str] = ()) -> list[str]:
    """Start the collector with the shipped configuration and an overlay.

    Raises:
        NoCollectorFilesError: The configuration is not here.
    """
    gates = [f"--feature-gates={gate}" for gate in feature_gates]
    return [str(program), f"--config={find_file(BASE)}", f"--config={overlay}", *gates]


def environment(host: str) -> Mapping[str, str]:
    """What tells it where to listen."""
    return {"LISTEN_HOST": host}
