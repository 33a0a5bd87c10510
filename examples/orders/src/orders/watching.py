"""How far behind each projection is, as the service sees it: also when nobody projects any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from cqrs_telemetry import CqrsTelemetry
from cqrs_telemetry.eventsourcing import projection_probe

from .application import Shop
from .projection import PROJECTIONS
from .read_model import NotProjectedError, ReadModel


@dataclass(frozen=True)
class ViewPosition:
    """Of one view, for who reads it."""

    read_model: ReadModel
    view: str

    def max_tracking_id(self, _application_name: str, /) -> int | None:
        """Of the last event that the view has applied; None before the first."""
        try:
            return self.read_model.position(self.view) or None
        except NotProjectedError:  # its projection has never run: everything waits for it
            return None


@contextmanager
def watched_views(
    shop: Shop, read_model: ReadModel, telemetry: CqrsTelemetry | None = None
) -> Iterator[None]:
    """Report the backlog of every projection for the time of the context."""
    telemetry = telemetry or CqrsTelemetry()
    with ExitStack() as stack:
        for projection in PROJECTIONS:
            position = ViewPosition(read_model, projection.name)
            probe = projection_probe(shop, position, projection.topics)
            stack.enter_context(telemetry.watch_projection(projection.name, probe))
        yield
