"""Trace context across the event store: from a command's span into event metadata and back."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import DefaultGetter

if TYPE_CHECKING:
    from ._operation import Operation

Headers = Mapping[str, Any] | Mapping[bytes, Any] | Sequence[tuple[str | bytes, Any]]
"""Metadata of an event, or headers of the message that it came in, as text or as bytes."""

EventContext = trace.SpanContext | Context | Headers | None
"""What says where an event came from: a span context, a context, or a carrier such as the event's
metadata."""

Carrier = TypeVar("Carrier", bound=MutableMapping[str, Any])

# The operation whose code runs here.
current: ContextVar[Operation | None] = ContextVar("cqrs_operation", default=None)

# Instrumentation is suppressed by a plain key and by a unique one, as in OpenTelemetry's own
# instrumentation.utils.is_instrumentation_enabled; the unique one has no public name.
_SUPPRESS_KEYS = (
    "suppress_instrumentation",
    getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
)


def is_suppressed(context: Context) -> bool:
    """Whether the caller asked for no instrumentation in this context."""
    return bool(context and (context.get(_SUPPRESS_KEYS[0]) or context.get(_SUPPRESS_KEYS[1])))


def suppressed() -> Context:
    """The current context, in which nothing is instrumented."""
    context = otel_context.get_current()
    for key in _SUPPRESS_KEYS:
        context = otel_context.set_value(key, True, context)
    return context


def inject_context(carrier: Carrier) -> Carrier:
    """Write the current trace context into ``carrier`` (W3C unless configured otherwise).

    Returns the carrier, so that ``metadata = inject_context({})`` reads well. Never raises: what
    fails is counted by the global meter provider and logged once.
    """
    try:
        propagate.inject(carrier)
    except Exception as fault:
        from .telemetry import default_telemetry  # which imports this module

        default_telemetry().commands.count_fault(fault)
    return carrier


class _Getter(DefaultGetter):
    """Takes text out of a mapping whose values may be bytes, as in Kafka's headers."""

    def get(self, carrier: Mapping[Any, Any], key: str) -> list[str] | None:
        value = carrier.get(key)
        if value is None:
            return None
        return [_text(each) for each in value] if type(value) in _LISTS else [_text(value)]


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if type(value) is bytes else value


def _mapping(headers: Any) -> Any:
    """Headers that an extractor can read: a mapping with keys that are text."""
    found = headers if hasattr(headers, "get") else dict(headers)
    return {_text(key): found[key] for key in found} if bytes in map(type, found) else found


_LISTS = (list, tuple)
_GETTER = _Getter()


def extract_context(carrier: Headers | None) -> Context:
    """Read a trace context out of event metadata; empty when there is none. Never raises."""
    if not carrier:
        return Context()
    try:
        return propagate.extract(_mapping(carrier), Context(), _GETTER)
    except Exception as fault:
        from .telemetry import default_telemetry  # as above

        default_telemetry().projections.count_fault(fault)
        return Context()


def span_context(source: EventContext) -> trace.SpanContext | None:
    """The span that ``source`` names, None when it names none."""
    if source is None:
        return None
    if isinstance(source, trace.SpanContext):
        found = source
    else:
        # Context is a dict too: ask for it first.
        context = source if isinstance(source, Context) else extract_context(source)
        found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None
