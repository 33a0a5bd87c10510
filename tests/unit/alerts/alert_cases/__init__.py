"""What fires each alert and what does not, as data for promtool: for tests and for mutants."""

from __future__ import annotations

from . import pipeline, projection, read, rebuild, state, telemetry, write
from .case import Case

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        *write.CASES,
        *read.CASES,
        *projection.CASES,
        *state.CASES,
        *rebuild.CASES,
        *telemetry.CASES,
        *pipeline.CASES,
    )
}
