"""Faults of commands and queries, and of those who send them."""

from __future__ import annotations

import signal

from .fault import Fault, alerts_named

FAULTS = (
    Fault(
        "handler-errors", "the handler of ShipOrder raises", "service",
        alerts_named("CqrsCommandErrorsHigh", "CqrsCommandAvailabilityBurn"),
        "the type fails, and with it more of all commands than the objective allows",
    ),
    Fault(
        "slow-handler", "the handler of ShipOrder takes 2.5 s more", "service",
        alerts_named("CqrsCommandLatencyHigh", "CqrsCommandLatencyBurn"),
        "the type is slow, and with it more of all commands than the objective allows",
    ),
    Fault(
        "slow-query", "ListOrders waits 4 s for its rows", "service",
        alerts_named("CqrsQueryLatencyHigh", "CqrsQueryLatencyBurn"),
        "the type is slow, and with it more of all queries than the objective allows",
    ),
    Fault(
        "query-errors", "the handler of ListOrders raises", "service",
        alerts_named("CqrsQueryErrorsHigh", "CqrsQueryAvailabilityBurn"),
        "the type fails, and with it more of all queries than the objective allows",
    ),
    Fault(
        "query-hangs", "BusiestOrders waits for its rows for ever; three at a time may",
        "service",
        alerts_named("CqrsQueriesStuck"),
        "its queries are under way and none ends; the other types go on",
        watch=400,
    ),
    Fault(
        "huge-results", "ListOrders has lost a join condition: each order times each",
        "service",
        alerts_named(
            "CqrsQueryResultsHuge",
        ),
        "answers are many times as long as they were, and still fast",
        warm_up=330,
        watch=345,
    ),
    Fault(
        "rejections-storm", "customers order more than there is, again and again", "load",
        alerts_named(
            "CqrsCommandRejectionsSurge",
        ),
        "the shop says no, rightly: no error, but not as usual",
        warm_up=160,
        watch=355,
    ),
    Fault(
        "conflict-storm", "a dozen customers order the same at one instant, again and again",
        "load",
        alerts_named(
            "CqrsCommandRejectionsSurge",
        ),
        "one wins, the others lose the race for the versions, most of them three times",
        warm_up=160,
        watch=355,
    ),
    Fault(
        "lost-events", "the handler of PlaceOrder no longer returns its events", "service",
        alerts_named("CqrsCommandsWithoutEvents"),
        "orders are placed, stored and shown, and nothing counts their events any more",
        warm_up=160,
        watch=355,
    ),
    Fault(
        "unknown-type", "ShipOrder and OrderHistory have no handler any more", "service",
        alerts_named(
            "CqrsCommandTypeUnknown",
            "CqrsCommandAvailabilityBurn",
            "CqrsQueryTypeUnknown",
            "CqrsQueryAvailabilityBurn",
        ),
        "what nobody handles fails; that explains the high share of errors, which is inhibited",
    ),
    Fault(
        "deadlock", "two handlers wait for each other's lock, for ever", "service",
        alerts_named(
            "CqrsCommandsStuck",
            "CqrsQueriesStopped",
        ),
        "commands are under way and none ends, until no thread is left for queries either",
        watch=400,
    ),
    Fault(
        "traffic-stops", "SIGTERM to the load", "load",
        alerts_named(
            "CqrsCommandsStopped",
            "CqrsQueriesStopped",
        ),
        "all is well but nobody asks",
        signal=signal.SIGTERM,
        watch=355,
    ),
    Fault(
        "snapshots-unread", "snapshots of aggregates are written and no longer read", "service",
        alerts_named("CqrsAggregateNeedsSnapshot"),
        "products are made of all their events at each command, which still is fast enough",
        watch=330,
    ),
)  # fmt: skip
