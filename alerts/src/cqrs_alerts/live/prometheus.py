"""The few questions that the doctor and the preview ask of Prometheus' HTTP API."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from .access import Access, AccessError

TIMEOUT = 15.0  # seconds for one answer
_ESSENTIAL = ("/api/v1/query",)  # what does not have this is no Prometheus


class PrometheusError(Exception):
    """Prometheus cannot be asked at all; the text says why and what mends it."""


class QueryError(Exception):
    """Prometheus refused one query; the text is its own."""


@dataclass(frozen=True)
class Sample:
    """One series of an instant query's answer."""

    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True)
class Rule:
    """A loaded rule; ``health`` is ok, err or unknown (not yet evaluated)."""

    name: str
    kind: str  # recording or alerting
    health: str
    error: str
    state: str  # of an alerting rule: inactive, pending or firing
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]
    for_seconds: float
    keep_firing_seconds: float


@dataclass(frozen=True)
class RuleGroup:
    """Rules that are evaluated together."""

    name: str
    interval_seconds: float
    evaluation_seconds: float  # that the last evaluation took
    rules: tuple[Rule, ...]


class Prometheus:
    """One server, for the length of a ``with``; safe to ask from several threads.

    Raises:
        PrometheusError: It cannot be reached with such settings.
    """

    def __init__(self, access: Access | str) -> None:
        access = Access(access) if isinstance(access, str) else access
        try:
            self.url = access.address
            self._client = access.client(TIMEOUT)
        except AccessError as error:
            raise PrometheusError(str(error)) from None

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def query(self, expression: str) -> list[Sample]:
        """The present value of an expression.

        Raises:
            QueryError: Prometheus refuses the expression, or gives up on it.
            PrometheusError: There is no Prometheus to ask.
        """
        data = self.ask("/api/v1/query", {"query": expression})
        if data["resultType"] == "scalar":
            return [Sample((), float(data["result"][1]))]
        return [
            Sample(tuple(sorted(each["metric"].items())), float(each["value"][1]))
            for each in data["result"]
            if "value" in each
        ]

    def count(self, expression: str) -> int:
        """How many series an expression has now."""
        found = self.query(f"count({expression})")
        return int(found[0].value) if found else 0

    def value(self, expression: str) -> float | None:
        """The value of an expression with one series; None when it has none or is NaN."""
        found = self.query(expression)
        return None if not found or math.isnan(found[0].value) else found[0].value

    def label_values(self, label: str, selector: str | None = None) -> list[str]:
        """Values of a label, of all series or of those that match."""
        matching = {"match[]": selector} if selector else {}
        values: list[str] = self.ask(f"/api/v1/label/{label}/values", matching)
        return values

    def rules(self) -> list[Rule] | None:
        """All loaded rules; None where the server has no such interface."""
        try:
            return [rule for group in self.rule_groups() for rule in group.rules]
        except QueryError:
            return None

    def rule_groups(self) -> list[RuleGroup]:
        """All loaded groups of rules.

        Raises:
            QueryError: The server has no such interface.
            PrometheusError: There is no Prometheus to ask.
        """
        return [
            RuleGroup(
                group["name"], group.get("interval", 0), group.get("evaluationTime", 0),
                tuple(map(_rule, group["rules"])),
            )
            for group in self.ask("/api/v1/rules", {})["groups"]
        ]  # fmt: skip

    def flags(self) -> dict[str, str]:
        """Command line flags; empty where the server has no such interface."""
        try:
            flags: dict[str, str] = self.ask("/api/v1/status/flags", {})
        except (QueryError, PrometheusError):
            return {}
        return flags

    def ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        """The data of an answer of the HTTP API.

        Raises:
            QueryError: Prometheus refuses the question, or gives up on it.
            PrometheusError: There is no Prometheus to ask.
        """
        try:
            answer = self._get(path, parameters)
        except httpx.TimeoutException:
            raise PrometheusError(
                f"{self.url} did not answer within {TIMEOUT:g} s; is it overloaded or starting?"
            ) from None
        except httpx.TransportError as error:
            raise PrometheusError(
                f"{self.url} cannot be reached: {error}; is Prometheus running there?"
            ) from None
        try:
            body = answer.json()
            status = body["status"]
        except (ValueError, TypeError, KeyError):
            # Gateways before Prometheus answer so for what they do not pass on.
            if answer.status_code == httpx.codes.NOT_FOUND and path not in _ESSENTIAL:
                raise QueryError(f"{self.url} has no {path}") from None
            raise PrometheusError(f"{self.url} {_explain(answer)}") from None
        if status == "success":
            return body["data"]
        message = body.get("error", answer.reason_phrase)
        if answer.status_code in (400, 404, 422):
            raise QueryError(message)
        raise PrometheusError(f"{self.url} answers {answer.status_code}: {message}")

    def _get(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        """One answer; asked for once more where a kept connection was torn, which proves nothing.

        The server may close an idle connection just then; and the client's pool, shared by threads,
        may take one that another thread has begun to use for an idle one that was closed.
        """
        try:
            return self._client.get(path, params=dict(parameters))
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            return self._client.get(path, params=dict(parameters))


def _rule(answer: Mapping[str, Any]) -> Rule:
    return Rule(
        answer["name"], answer["type"], answer.get("health", "unknown"),
        answer.get("lastError", ""), answer.get("state", ""), answer.get("query", ""),
        answer.get("labels", {}), answer.get("annotations", {}), answer.get("duration", 0),
        answer.get("keepFiringFor", 0),
    )  # fmt: skip


def _explain(answer: httpx.Response) -> str:
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return "is not ready yet: it is starting or stopping; try again in a minute"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return (
            "requires credentials: set PROMETHEUS_BEARER_TOKEN, or PROMETHEUS_USERNAME and "
            "PROMETHEUS_PASSWORD, or describe them in a file for --http-config"
        )
    return (
        f"does not speak Prometheus' HTTP API (status {answer.status_code}); "
        "give the address without /api/v1 or /graph"
    )
