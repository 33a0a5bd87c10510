"""OpenTelemetry instrumentation for CQRS: commands, queries, projections and their lag."""

from ._context import extract_context, inject_context
from ._events import ProjectionOperation
from ._operation import NoHandlerError, Operation
from .backlog import Backlog, ProjectionWatch
from .commands import CommandOperation, InstrumentedCommandBus
from .projections import InstrumentedProjectionHandler
from .queries import InstrumentedQueryBus, QueryOperation
from .rebuild import Rebuild
from .telemetry import CqrsTelemetry
from .waiting import NotSeenError

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
    "extract_context",
    "inject_context",
]
