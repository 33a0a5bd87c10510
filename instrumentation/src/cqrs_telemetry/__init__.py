"""OpenTelemetry instrumentation for CQRS: commands, queries, projections and their lag."""

from typing import TYPE_CHECKING, Any

from ._context import extract_context, inject_context
from ._events import ProjectionOperation
from ._operation import Operation
from ._outcomes import NoHandlerError
from .backlog import Backlog, ProjectionWatch
from .commands import CommandOperation, InstrumentedCommandBus
from .projections import InstrumentedProjectionHandler
from .queries import InstrumentedQueryBus, QueryOperation
from .rebuild import Rebuild
from .telemetry import CqrsTelemetry
from .waiting import NotSeenError

if TYPE_CHECKING:
    from ._operation import current_operation

__all__ = [
    "Backlog",
    "CommandOperation",
    "CqrsTelemetry",
    "InstrumentedCommandBus",
    "InstrumentedProjectionHandler",
    "InstrumentedQueryBus",
    "NoHandlerError",
    "NotSeenError",
    "Operation",
    "ProjectionOperation",
    "ProjectionWatch",
    "QueryOperation",
    "Rebuild",
    "current_operation",
    "extract_context",
    "inject_context",
]


def __getattr__(name: str) -> Any:
    # Operations without spans are tracked once somebody imports what asks for them.
    if name != "current_operation":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._operation import current_operation, track_operations

    track_operations()
    return current_operation
