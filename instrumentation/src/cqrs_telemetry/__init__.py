"""OpenTelemetry instrumentation for CQRS: commands, queries, projections and their lag."""

from ._context import extract_context, inject_context
from ._operation import NoHandlerError, Operation
from .commands import CommandOperation, InstrumentedCommandBus
from .projections import InstrumentedProjectionHandler, ProjectionOperation
from .queries import InstrumentedQueryBus, QueryOperation
from .telemetry import CqrsTelemetry

__all__ = [
    "CommandOperation",
    "CqrsTelemetry",
    "InstrumentedCommandBus",
    "InstrumentedProjectionHandler",
    "InstrumentedQueryBus",
    "NoHandlerError",
    "Operation",
    "ProjectionOperation",
    "QueryOperation",
    "extract_context",
    "inject_context",
]
