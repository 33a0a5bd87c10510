"""What the command bus and the query bus share: finding the handler and running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import iscoroutinefunction
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar

from ._classes import own_name
from ._operation import Operation
from ._outcomes import NoHandlerError

if TYPE_CHECKING:
    from ._recorder import Measure, Recorder
    from .telemetry import CqrsTelemetry


class Bus:
    """Handlers by class name, class or recorded name, and the telemetry to run them under."""

    _no_handler: ClassVar[str]
    _operation: ClassVar[type[Operation]]
    _entry: ClassVar[str]  # name of the method that takes a message
    _entry_if_async: ClassVar[Callable[..., Any]]  # in its place where all handlers are async

    def __init__(
        self, handlers: Mapping[Any, Any], telemetry: CqrsTelemetry | None, measure: Measure | None
    ) -> None:
        from .telemetry import default_telemetry  # which imports the buses

        self.handlers = handlers
        self._recorder = self._find_recorder(telemetry or default_telemetry())
        if measure is not None:
            self._recorder = self._recorder.adapted(measure)
        self._recorder.declare(self._keys())
        self._match_handlers()

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to this bus alone."""
        own = type(self)._entry_if_async
        found = self.__dict__.items()
        return {key: value for key, value in found if getattr(value, "__func__", None) is not own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As a bus that was made."""
        self.__dict__.update(state)
        self._match_handlers()

    def _find_recorder(self, telemetry: CqrsTelemetry) -> Recorder:
        raise NotImplementedError

    def _match_handlers(self) -> None:
        """Let frameworks see that a bus is async, which choose between loop and thread by that."""
        asynchronous: Any = type(self)._entry_if_async
        if (
            getattr(type(self), self._entry) is asynchronous.__wrapped__  # not overridden
            and isinstance(self.handlers, dict)  # others may make a handler when it is asked for
            and self.handlers
            and all(map(_is_async, self.handlers.values()))
        ):
            setattr(self, self._entry, MethodType(asynchronous, self))

    def _keys(self) -> Iterable[str | type]:
        for key in self.handlers:
            if not isinstance(key, str | type):
                raise TypeError(f"handlers are keyed by class or class name, not {key!r}")
            yield key

    def _find(self, message: Any) -> Callable[[Any], Any]:
        cls = type(message)
        try:
            handler = self.handlers.get(cls.__name__)
            if handler is None:
                handler = self.handlers.get(cls)
        except Exception:  # of a metaclass; a mapping's own comes again
            handler = None
        if handler is None:
            handler = self._find_otherwise(cls, message)
        function: Callable[[Any], Any] = getattr(handler, "handle", handler)
        return function

    def _prepare(self, message: Any) -> tuple[Operation, Callable[[Any], Any], Any]:
        return self._operation(self._recorder, message), self._find(message), message

    def _find_otherwise(self, cls: type, message: Any) -> Any:
        handler = self.handlers.get(own_name(cls))
        if handler is None:
            name = self._recorder.names.find(message)
            handler = self.handlers.get(name, partial(self._refuse, name))
        return handler

    def _refuse(self, name: str, _message: Any) -> Any:
        raise NoHandlerError(f"No handler for {name}", self._no_handler)


def _is_async(handler: Any) -> bool:
    try:
        return iscoroutinefunction(getattr(handler, "handle", handler))
    except Exception:  # a proxy that is not ready; its first message shows what it is
        return False
