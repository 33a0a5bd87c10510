"""What the command bus and the query bus share: finding the handler and running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._awaitables import call
from ._operation import NoHandlerError, Operation

if TYPE_CHECKING:
    from .telemetry import CqrsTelemetry


class Bus:
    """Handlers by class name or class, and the telemetry to run them under."""

    _no_handler: str

    def __init__(self, handlers: Mapping[Any, Any], telemetry: CqrsTelemetry | None) -> None:
        from .telemetry import default_telemetry  # which imports the buses

        self.handlers = handlers
        self._telemetry = telemetry or default_telemetry()

    def _names(self) -> Iterable[str]:
        for key in self.handlers:
            if not isinstance(key, str | type):
                raise TypeError(f"handlers are keyed by class or class name, not {key!r}")
            yield key if isinstance(key, str) else key.__name__

    def _run(self, operation: Operation, message: Any) -> Any:
        cls = type(message)
        handler = self.handlers.get(cls.__name__)
        if handler is None:
            handler = self.handlers.get(cls, self._refuse)
        return call(operation, getattr(handler, "handle", handler), message)

    def _refuse(self, message: Any) -> Any:
        raise NoHandlerError(f"No handler for {type(message).__name__}", self._no_handler)
