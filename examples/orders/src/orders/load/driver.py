"""Sends the plan at a steady rate and counts the answers."""

from __future__ import annotations

import asyncio
import math
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import click
import httpx

from cqrs_telemetry import catalog

from ..commands import Command, PlaceOrder
from ..queries import GetOrder, Query
from .journeys import Step, plan
from .tally import Tally

AT_ONCE = 32  # requests under way at most
TALLY_PERIOD = 2.0  # seconds between two states of the tally on disk
COMMANDS = get_args(Command)
REJECTED_STATUSES = (404, 409, 422)


class NoServerError(Exception):
    """Nothing has ever answered at the address."""


@dataclass(frozen=True)
class LoadSettings:
    """What to send and where; ``duration`` in seconds, None for ever."""

    url: str
    seed: int
    rate: float
    duration: float | None
    tally: Path


async def drive(settings: LoadSettings, company: Callable[[Step], Step]) -> None:
    """Send messages until the duration is over or a signal asks to stop, then write the tally.

    ``company`` says what is sent for each step of the plan; what is more comes on top of the rate.

    Raises:
        NoServerError: The first request found nobody.
        OSError: The tally cannot be written.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tally = Tally(settings.url, settings.seed, settings.rate)
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=settings.url, limits=limits, timeout=30) as client:
        try:
            await client.get("/health")
        except httpx.TransportError as error:
            raise NoServerError(
                f"nothing answers at {settings.url} ({type(error).__name__}: {error});"
                " start `orders serve` first"
            ) from None
        tally.write(settings.tally, finished=False)  # rather fails now than after an hour
        writer = asyncio.create_task(_write_now_and_then(tally, settings.tally))
        try:
            messages = _timed(plan(settings.seed), company, settings.rate)
            await _send_all(Sender(client, tally), messages, settings.duration, stop)
        finally:
            writer.cancel()
    tally.write(settings.tally, finished=True)


async def _write_now_and_then(tally: Tally, path: Path) -> None:
    while True:
        await asyncio.sleep(TALLY_PERIOD)
        tally.write(path, finished=False)


async def _send_all(
    sender: Sender,
    messages: Iterator[tuple[Command | Query, float]],
    duration: float | None,
    stop: asyncio.Event,
) -> None:
    slots = asyncio.Semaphore(AT_ONCE)
    under_way: set[asyncio.Task[None]] = set()
    stopping = asyncio.create_task(stop.wait())
    started = time.monotonic()
    end = math.inf if duration is None else started + duration
    for message, due in messages:
        wait = min(started + sender.tally.behind + due, end) - time.monotonic()
        if wait > 0:
            await asyncio.wait([stopping], timeout=wait)
        if stopping.done() or time.monotonic() >= end:
            break
        await slots.acquire()
        # A load that catches up in a burst would not be steady: what is missed stays missed.
        late = time.monotonic() - (started + sender.tally.behind + due)
        if late > 1:
            sender.tally.behind += late
        task = asyncio.create_task(sender.send(message))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        task.add_done_callback(lambda _: slots.release())
    stopping.cancel()
    if under_way:
        await asyncio.wait(under_way)


def _timed(
    steps: Iterator[Step], company: Callable[[Step], Step], rate: float
) -> Iterator[tuple[Command | Query, float]]:
    """Messages with the seconds after the start at which each is due; a step's fall together."""
    sent = 0
    for step in steps:
        for message in company(step):
            yield message, sent / rate
        sent += len(step)


class Sender:
    """Sends one message and tells the tally of the answer."""

    def __init__(self, client: httpx.AsyncClient, tally: Tally) -> None:
        self.tally = tally
        self._client = client
        self._answering = True
        self._placing: dict[UUID, asyncio.Task[int | None]] = {}

    async def send(self, message: Command | Query) -> None:
        """Send a message, whatever comes of it.

        Who looks at an order right after placing it wants to see it: the query is sent when the
        order's answer is there, and names the position that it gives.
        """
        if isinstance(message, PlaceOrder):
            placing = asyncio.create_task(self._send(message))
            self._placing[message.order_id] = placing
            try:
                await placing
            finally:
                self._placing.pop(message.order_id, None)
        elif isinstance(message, GetOrder) and message.order_id in self._placing:
            position = await self._placing[message.order_id]
            await self._send(replace(message, after=position))
        else:
            await self._send(message)

    async def _send(self, message: Command | Query) -> int | None:
        """Send a message; returns the position that a command's answer gives."""
        name, fields = type(message).__name__, _fields(message)
        self.tally.sent += 1
        started = time.perf_counter()
        try:
            if isinstance(message, COMMANDS):
                answer = await self._client.post(f"/commands/{name}", json=fields)
            else:
                answer = await self._client.get(f"/queries/{name}", params=fields)
        except httpx.HTTPError as error:
            self.tally.no_answer(name, type(error).__name__)
            self._notice(answering=False, why=f"{type(error).__name__}: {error}")
            return None
        elapsed = (time.perf_counter() - started) * 1000
        self._notice(answering=True)
        kind = "commands" if isinstance(message, COMMANDS) else "queries"
        outcome = _outcome(kind, answer.status_code)
        error_type = "" if outcome == catalog.SUCCESS else _error_type(answer)
        self.tally.answer(kind, name, outcome, error_type)
        self.tally.took(name, elapsed, _server_timing(answer))
        if kind == "commands" and outcome == catalog.SUCCESS:
            recorded = answer.json()
            self.tally.produced(name, recorded["events"])
            position: int = recorded["position"]
            return position
        return None

    def _notice(self, *, answering: bool, why: str = "") -> None:
        if answering != self._answering:
            self._answering = answering
            what = "answers again" if answering else f"does not answer ({why}); going on"
            click.echo(f"{self._client.base_url} {what}", err=True)


def _fields(message: Command | Query) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(message).items() if value is not None}
    if "order_id" in fields:
        fields["order_id"] = str(fields["order_id"])
    return fields


def _outcome(kind: str, status: int) -> str:
    if status < 400 or (kind == "queries" and status == 404):  # an empty answer is an answer
        return catalog.SUCCESS
    return catalog.REJECTED if status in REJECTED_STATUSES else catalog.ERROR


def _error_type(answer: httpx.Response) -> str:
    try:
        error_type: str = answer.json()["error"]["type"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"  # not our service's own words
    return error_type


def _server_timing(answer: httpx.Response) -> float | None:
    timing = re.search(r"dur=([\d.]+)", answer.headers.get("Server-Timing", ""))
    return float(timing.group(1)) if timing else None
