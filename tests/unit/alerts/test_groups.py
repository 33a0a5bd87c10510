"""Groups of rules: small enough for every ruler, what is read before who reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

import pytest

from cqrs_alerts.config import Config
from cqrs_alerts.exemption_settings import Exemption
from cqrs_alerts.groups import MOST_RULES, groups
from cqrs_alerts.objective_settings import OwnAvailability
from cqrs_alerts.rule_files import RECORDING_FILE, recording_groups, rule_groups
from cqrs_alerts.rule_settings import RuleSettings
from cqrs_alerts.setting_types import Labels

DEFAULT = Config()
MANY_OBJECTIVES = replace(
    DEFAULT,
    slos=replace(
        DEFAULT.slos,
        command_availability=replace(
            DEFAULT.slos.command_availability,
            types=tuple(OwnAvailability(type=f"Type{each}", objective=0.99) for each in range(30)),
        ),
    ),
)
ZONES = sorted(available_timezones())[::20]
MANY_ZONES = replace(
    DEFAULT,
    exemptions=tuple(
        Exemption(
            alerts=("commands_stopped",), during=("12:00-13:00",), time_zone=zone, reason="lunch"
        )
        for zone in ZONES
    ),
)
CONFIGS = {
    "many zones": MANY_ZONES,
    "default": DEFAULT,
    "native": Config(histograms="native"),
    "many objectives": MANY_OBJECTIVES,
}


def rule(name: str, *reads: str) -> dict[str, Any]:
    """A rule that records a series from others."""
    return {"record": f"cqrs:{name}", "expr": " + ".join(f"cqrs:{each}" for each in reads) or "1"}


def packed(*units: list[dict[str, Any]]) -> list[list[str]]:
    """Names of the series that each group records."""
    made = groups("shop", units, DEFAULT)
    return [[each["record"].removeprefix("cqrs:") for each in one["rules"]] for one in made]


def singles(prefix: str, number: int) -> list[list[dict[str, Any]]]:
    """Units of one rule each, that read nothing."""
    return [[rule(f"{prefix}{each}")] for each in range(number)]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_ruler_takes_the_groups(config: Config) -> None:
    """None has more rules than Mimir and Cortex take, and no two have a name in common."""
    found = [group for file in rule_groups(config).values() for group in file]
    assert all(1 <= len(group["rules"]) <= MOST_RULES for group in found)
    assert len({group["name"] for group in found}) == len(found)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_what_is_read_is_recorded_before(config: Config) -> None:
    """A rule reads what rules above it record: in its own group, or in one of those before."""
    names = [each["record"] for group in recording_groups(config) for each in group["rules"]]
    last = {name: index for index, name in enumerate(names)}
    where = [
        group["name"].partition(".recording")[0]
        for group in recording_groups(config)
        for _ in group["rules"]
    ]
    rules = [each for group in recording_groups(config) for each in group["rules"]]
    checked = 0
    for index, each in enumerate(rules):
        for read in set(re.findall(r"cqrs:[\w:]+", each["expr"])):
            same_side = where[last[read]].split(".")[1] == where[index].split(".")[1]
            if same_side and not read.startswith("cqrs:slo_"):  # which several sides record
                assert last[read] < index, f"{each['record']} reads {read}"
                checked += 1
    assert checked > 20


def test_few_series_are_read_across_groups() -> None:
    """Only where a chain is longer than a group: states, and windows of a day and more."""
    made = recording_groups(DEFAULT)
    across = set()
    for group in made:
        here = {each["record"] for each in group["rules"]}
        side = group["name"].split(".")[1]
        elsewhere = {
            each["record"]: other["name"]
            for other in made
            for each in other["rules"]
            if other["name"].split(".")[1] == side
        }
        for each in group["rules"]:
            for read in set(re.findall(r"cqrs:[\w:]+", each["expr"])) - here:
                across.add((group["name"], elsewhere[read], read))
    assert across == {
        *(
            (f"cqrs.{side}.slo.recording.2", f"cqrs.{side}.slo.recording", f"cqrs:slo_{name}")
            for side in ("write", "read", "projection")
            for name in ("events:increase6h", "bad_events:increase6h", "objective:ratio")
        ),
        (
            "cqrs.projection.slo.recording", "cqrs.projection.recording.2",
            "cqrs:projection_stale:bool",
        ),
        (
            "cqrs.projection.recording.3", "cqrs.projection.recording.2",
            "cqrs:projection_state:code",
        ),
    }  # fmt: skip


def test_what_reads_each_other_stays_together() -> None:
    """A family that no longer fits begins the next group, also when its units are apart."""
    family = [[rule("a")], [rule("b", "a")], [rule("c", "b")]]
    others = singles("x", MOST_RULES)
    first, second = packed(*others[:-2], family[0], *others[-2:], *family[1:])
    assert first == [f"x{each}" for each in range(MOST_RULES - 2)]
    assert second == ["a", "b", "c", f"x{MOST_RULES - 2}", f"x{MOST_RULES - 1}"]


def test_a_long_family_is_cut_between_units() -> None:
    """It begins a group of its own, and no unit of it is torn."""
    chain = [
        [rule(f"a{each}", *([f"a{each - 1}"] if each else [])), rule(f"b{each}", f"a{each}")]
        for each in range(MOST_RULES // 2 - 1)
    ]
    last = [rule(f"c{each}", "a0") for each in range(4)]
    found = packed([rule("alone")], *chain, last)
    assert found[0] == ["alone"]
    assert found[1] == [each["record"].removeprefix("cqrs:") for unit in chain for each in unit]
    assert found[2] == ["c0", "c1", "c2", "c3"]


def test_a_unit_longer_than_a_group_is_cut() -> None:
    """Nothing is left out."""
    found = packed([rule(f"a{each}") for each in range(2 * MOST_RULES + 1)])
    assert [len(group) for group in found] == [MOST_RULES, MOST_RULES, 1]
    assert [each for group in found for each in group] == [
        f"a{each}" for each in range(2 * MOST_RULES + 1)
    ]


def test_groups_carry_what_was_set() -> None:
    """Every group has the offset and the limit, and every alert the labels, and no other rule."""
    chosen = RuleSettings(
        query_offset="1m", limit=5000, labels=Labels({"team": "checkout"}.items())
    )
    plain, made = rule_groups(DEFAULT), rule_groups(Config(rules=chosen))
    for file, found in made.items():
        for before, group in zip(plain[file], found, strict=True):
            assert (group.pop("query_offset"), group.pop("limit")) == ("1m", 5000)
            for each in group["rules"]:
                if file != RECORDING_FILE:
                    assert each["labels"].pop("team") == "checkout"
            assert group == before
