"""What the load did, as the server answered it: the yardstick for what Prometheus says."""

from __future__ import annotations

import json
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

SAMPLES = 20_000  # latest durations that are kept of each type


class Tally:
    """Counts answers by message type; everything in it is cumulative."""

    def __init__(self, url: str, seed: int, rate: float) -> None:
        self._about = {"url": url, "seed": seed, "rate": rate}
        self._started = _now()
        self._outcomes: dict[str, dict[str, Counter[str]]] = {
            "commands": defaultdict(Counter),
            "queries": defaultdict(Counter),
        }
        self._errors: dict[str, Counter[str]] = defaultdict(Counter)
        self._unanswered: dict[str, Counter[str]] = defaultdict(Counter)
        self._events: dict[str, Counter[str]] = defaultdict(Counter)
        self._client: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=SAMPLES))
        self._server: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=SAMPLES))
        self.behind = 0.0  # seconds by which the load fell short of its rate
        self.sent = 0

    def answer(self, kind: str, message_type: str, outcome: str, error_type: str = "") -> None:
        """Count an answer; ``kind`` is ``commands`` or ``queries``."""
        self._outcomes[kind][message_type][outcome] += 1
        if error_type:
            self._errors[message_type][error_type] += 1

    def produced(self, message_type: str, events: Collection[str]) -> None:
        """Count the domain events that an answer names."""
        self._events[message_type].update(events)

    def took(self, message_type: str, client: float, server: float | None) -> None:
        """Keep durations in ms: as seen here, and as the server says of its handler."""
        self._client[message_type].append(client)
        if server is not None:
            self._server[message_type].append(server)

    def no_answer(self, message_type: str, error_type: str) -> None:
        """Count a request whose fate is unknown."""
        self._unanswered[message_type][error_type] += 1

    def as_json(self, *, finished: bool) -> dict[str, Any]:
        """All counts so far; durations as count and quantiles in ms."""
        return {
            **self._about,
            "finished": finished,
            "started": self._started,
            "written": _now(),
            "sent": self.sent,
            "behind_seconds": round(self.behind, 3),
            **{kind: _plain(counts) for kind, counts in self._outcomes.items()},
            "errors": _plain(self._errors),
            "unanswered": _plain(self._unanswered),
            "events": _plain(self._events),
            "client_ms": {name: _quantiles(values) for name, values in self._client.items()},
            "server_ms": {name: _quantiles(values) for name, values in self._server.items()},
        }

    def write(self, path: Path, *, finished: bool) -> None:
        """Replace the file at once, so that a reader never sees half of it."""
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(self.as_json(finished=finished), indent=2) + "\n")
        part.replace(path)


def quantile(values: Collection[float], q: float) -> float:
    """Smallest value that at least the share ``q`` of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(q * len(values)) - 1)]


def _quantiles(values: Collection[float]) -> dict[str, float]:
    return {
        "count": len(values),
        **{f"p{q * 100:g}": round(quantile(values, q), 3) for q in (0.5, 0.9, 0.95, 0.99)},
    }


def _plain(counts: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    return {name: dict(sorted(counter.items())) for name, counter in sorted(counts.items())}


def _now() -> dict[str, float]:
    return {"wall": time.time(), "monotonic": time.monotonic()}
