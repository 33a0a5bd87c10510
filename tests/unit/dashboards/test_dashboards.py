"""Every dashboard and panel is complete; Grafana's dashboard-linter asks for most of this."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqrs_alerts import alerting, projection_state, slo
from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_alerts.links import DASHBOARD_UIDS
from cqrs_alerts.objective_settings import OwnAvailability
from cqrs_alerts.promql import duration_seconds
from cqrs_dashboards import colors
from cqrs_dashboards.bundle import dashboards, render, render_all
from cqrs_dashboards.files import write_dashboards
from cqrs_dashboards.model import COLUMNS, Panel
from cqrs_dashboards.provisioning import render_provider
from cqrs_dashboards.questions import panels
from cqrs_dashboards.slos import achieved_bars
from cqrs_dashboards.thresholds import BY_SEVERITY
from cqrs_telemetry import catalog

Json = dict[str, Any]

ONE_LINE = 180  # characters
SCREEN = 22  # rows of Grafana's grid on a screen of 900 pixels

GENERATED = Path(__file__).parents[3] / "dashboards" / "generated"
# https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
UNITS = {
    "none", "short", "percent", "percentunit", "ms", "s", "cps", "ops", "reqps", "eps", "mps",
    "bytes", "decbytes", "dtdurations", "suffix:/min",
}  # fmt: skip


def data_panels(rendered: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Panels that show data, with their dashboard."""
    for dashboard in rendered:
        for panel in panels(dashboard):
            if panel["type"] not in ("row", "text"):
                yield dashboard, panel


def test_ninety_panels_on_six_dashboards(rendered: list[Json]) -> None:
    """Together the dashboards have what the paths, their promises and the pipeline need."""
    assert len(rendered) >= 6
    assert len(list(data_panels(rendered))) >= 90


def test_uids_are_those_that_alerts_link_to(rendered: list[Json]) -> None:
    """An alert's dashboard_url leads to a dashboard that exists."""
    assert {dashboard["uid"] for dashboard in rendered} == set(DASHBOARD_UIDS)


def test_uids_are_stable(rendered: list[Json]) -> None:
    """Addresses that people have kept go on working."""
    assert [dashboard["uid"] for dashboard in rendered] == [
        "cqrs-overview",
        "cqrs-write-path",
        "cqrs-projections",
        "cqrs-read-path",
        "cqrs-slos",
        "cqrs-telemetry-pipeline",
    ]


def test_panels_say_what_they_show(rendered: list[Json]) -> None:
    """Title, and a description of what is shown, what is normal and what to do otherwise."""
    for dashboard, panel in data_panels(rendered):
        where = f"{dashboard['title']}: {panel['title']}"
        assert panel["title"], where
        assert "Normal" in panel["description"], where
        assert panel["description"].count(". ") >= 1, where
        assert panel["description"].endswith("."), where


def test_panels_have_a_unit_of_grafana(rendered: list[Json]) -> None:
    """Each unit is an id that Grafana knows; a heatmap's is on its axis."""
    for _, panel in data_panels(rendered):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        assert unit in UNITS, panel["title"]
        if panel["type"] == "heatmap":
            assert panel["options"]["yAxis"]["unit"] in UNITS


def test_panels_say_what_no_data_means(rendered: list[Json]) -> None:
    """Without data a panel says so in words."""
    for _, panel in data_panels(rendered):
        assert panel["fieldConfig"]["defaults"]["noValue"].startswith("no "), panel["title"]


def test_lines_have_a_table_legend_with_last_and_max(rendered: list[Json]) -> None:
    """Many series are readable as a table of the last and the highest value."""
    for _, panel in data_panels(rendered):
        if panel["type"] == "timeseries":
            legend = panel["options"]["legend"]
            assert legend["displayMode"] == "table"
            assert legend["calcs"] == ["lastNotNull", "max"]


def test_titles_and_ids_are_unique(rendered: list[Json]) -> None:
    """Ids derive from titles, so both have to differ within a dashboard."""
    for dashboard in rendered:
        for key in ("title", "id"):
            values = [panel[key] for panel in panels(dashboard)]
            assert len(set(values)) == len(values), f"{dashboard['title']}: {key}"


def test_grid_is_full_and_without_overlap(rendered: list[Json]) -> None:
    """Every cell from the top to the bottom belongs to exactly one panel."""
    for dashboard in rendered:
        cells = [
            (x, y)
            for panel in dashboard["panels"]
            for at in [panel["gridPos"]]
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        ]
        height = max(y for _, y in cells) + 1
        assert len(set(cells)) == len(cells), dashboard["title"]
        assert len(cells) == height * COLUMNS, dashboard["title"]


def test_dashboards_open_with_words_and_numbers(rendered: list[Json]) -> None:
    """The top is a text that fits into a line, and a row of stats."""
    for dashboard in rendered:
        kinds = [panel["type"] for panel in dashboard["panels"]]
        assert kinds[:7] == ["text", *["stat"] * 6]
        text = dashboard["panels"][0]
        assert len(text["options"]["content"]) <= ONE_LINE
        assert (text["title"], text["gridPos"]["h"]) == ("", 2)


def test_dashboards_are_short(rendered: list[Json]) -> None:
    """What is open from the start is at most three screens; details are in closed rows."""
    for dashboard in rendered:
        bottom = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in dashboard["panels"])
        assert bottom <= 3 * SCREEN, dashboard["title"]


def test_thresholds_go_from_green_to_orange_to_red(rendered: list[Json]) -> None:
    """In that order or the other way round; no healthy number is in the colour of trouble."""
    order = [colors.GOOD, colors.WARNING, colors.CRITICAL]
    for _, panel in data_panels(rendered):
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
        found = [order.index(each["color"]) for each in steps if each["color"] in order]
        if len(steps) > 1:
            assert len(found) == len(steps), panel["title"]
            assert found in (sorted(found), sorted(found, reverse=True)), panel["title"]
        else:
            assert not found, panel["title"]


def test_colors_of_sides_are_none_of_states() -> None:
    """Lag is not orange when all is well."""
    sides = {shade for shades in colors.SHADES.values() for shade in shades}
    states = {colors.GOOD, colors.WARNING, colors.CRITICAL, *colors.BY_STATE.values()}
    assert sides.isdisjoint(states | set(colors.BY_STATUS.values()))


def test_series_keep_their_color_and_the_worst_comes_first(rendered: list[Json]) -> None:
    """A colour goes by the series' name; a legend by the last value, a budget's lowest first."""
    for _, panel in data_panels(rendered):
        if panel["type"] == "timeseries":
            mode = panel["fieldConfig"]["defaults"]["color"]["mode"]
            assert mode == "palette-classic-by-name", panel["title"]
            legend = panel["options"]["legend"]
            assert legend["sortBy"] == "Last *", panel["title"]
            assert legend["sortDesc"] == (panel["title"] != "Budget left over time")


def test_what_is_rare_is_counted_by_the_minute(rendered: list[Json]) -> None:
    """Errors, rejections and faults are per minute, in the query, the unit and the words."""
    rare = [
        panel
        for _, panel in data_panels(rendered)
        if panel["fieldConfig"]["defaults"]["unit"] == "suffix:/min"
    ]
    assert len(rare) > 20
    for panel in rare:
        assert "per minute" in panel["description"], panel["title"]
        for target in panel["targets"]:
            assert target["expr"].startswith("60 * ("), panel["title"]


def test_heatmaps_count_what_they_show(rendered: list[Json]) -> None:
    """Cells of events are events per second; of commands and queries, operations."""
    for _, panel in data_panels(rendered):
        if panel["type"] == "heatmap":
            unit = "eps" if "Events per second" in panel["description"] else "ops"
            assert panel["options"]["cellValues"]["unit"] == unit, panel["title"]


def test_variables(rendered: list[Json]) -> None:
    """Data source first, then groups, then types; each with label, multi, All and refresh."""
    for dashboard in rendered:
        source, *others, traces = dashboard["templating"]["list"]
        for each, name, kind in ((source, "datasource", "prometheus"), (traces, "traces", "tempo")):
            assert (each["name"], each["type"], each["query"]) == (name, "datasource", kind)
            assert each["label"]
        assert others[0]["name"] == "job"
        for each in others:
            assert each["label"]
            assert each["description"]
            assert (each["multi"], each["includeAll"], each["allValue"]) == (True, True, ".+")
            assert each["refresh"] == 2
            assert each["current"]["value"] == ["$__all"]


def test_links_keep_time_and_variables(rendered: list[Json]) -> None:
    """From one dashboard to the next, what was chosen stays chosen."""
    for dashboard in rendered:
        (link,) = dashboard["links"]
        assert (link["keepTime"], link["includeVars"]) == (True, True)
        assert link["tags"] == dashboard["tags"]


def test_dashboards_cannot_be_edited(rendered: list[Json]) -> None:
    """Generated dashboards are changed where they are generated."""
    assert not any(dashboard["editable"] for dashboard in rendered)


def test_group_labels_become_variables() -> None:
    """Each group label of the configuration is a variable, narrowed by those before it."""
    config = Config(group_labels=("cluster", "job"))
    for dashboard in map(render, dashboards(config)):
        cluster, job = dashboard["templating"]["list"][1:3]
        assert (cluster["name"], job["name"]) == ("cluster", "job")
        assert "$" not in cluster["definition"]
        assert 'cluster=~"$cluster"' in job["definition"]


def test_thresholds_are_the_alerts() -> None:
    """Panels have lines where the configuration's alerts fire, and at what was promised."""
    config = Config()
    alerts = config.alerts
    by_title = {
        (dashboard.uid, panel.title): panel
        for dashboard in dashboards(config)
        for panel in dashboard.panels
        if isinstance(panel, Panel)
    }
    limits = {
        ("cqrs-projections", "Lag p99 by projection"): alerts.projection_lag_high.above_ms,
        ("cqrs-read-path", "Latency p95 by query type"): alerts.query_latency_high.above_ms,
        ("cqrs-write-path", "Latency percentiles"): config.slos.command_latency.within_ms,
        ("cqrs-projections", "Lag percentiles"): config.slos.projection_freshness.within_ms,
        ("cqrs-projections", "Staleness by projection"): config.slos.projection_freshness.within_ms,
        ("cqrs-write-path", "Error share"): alerts.command_errors_high.above_ratio,
    }
    for panel, limit in limits.items():
        assert [(each.value, each.color) for each in by_title[panel].thresholds] == [
            (limit / 2, colors.WARNING), (limit, colors.CRITICAL),
        ], panel  # fmt: skip
    stalled = by_title["cqrs-overview", "Nothing applied for"].thresholds
    after = duration_seconds(config.projections.stalled_after)
    fires = after + duration_seconds(alerts.projection_stalled.for_)
    assert [each.value for each in stalled] == [after, fires]
    for burn in config.slos.burn_rates:
        burning = by_title["cqrs-slos", f"Burn over {burn.long} and {burn.short}"].thresholds
        assert [(each.value, each.color) for each in burning] == [
            (burn.factor, BY_SEVERITY[burn.severity])
        ]


def test_what_was_achieved_is_beside_its_target() -> None:
    """Each objective's bar has its target in its name, and turns red where it misses it."""
    own = OwnAvailability(type="Ship.Order", objective=0.95)
    broad = replace(Config().slos.command_availability, objective=0.995, types=(own,))
    config = Config(slos=replace(Config().slos, command_availability=broad))
    bars = {each.name: each for each in achieved_bars(config)}
    assert len(bars) == len(slo.SLIS) + 1
    all_types = bars["command_availability ≥ 99.5 %"]
    assert [each.value for each in all_types.thresholds] == [0.995, 0.99625]
    one = bars["command_availability Ship.Order ≥ 95 %"]
    assert [each.color for each in one.thresholds] == [colors.WARNING, colors.GOOD]
    assert {bar.color for bar in bars.values()} == {colors.CRITICAL}
    # Labels of types that an objective is not of are empty, and blanks are all that is left.
    assert re.search(all_types.pattern, "command_availability   ")
    assert re.search(one.pattern, "command_availability Ship.Order  ")
    assert not re.search(one.pattern, "command_availability ShipXOrder")
    assert not re.search(all_types.pattern, "command_availability Ship.Order")


def test_lines_of_the_short_window_are_dashed_and_say_so() -> None:
    """Legends show no dashes, so the word is in the name; also of an objective of one type."""
    own = OwnAvailability(type="ShipOrder", objective=0.95)
    some = replace(Config().slos.command_availability, types=(own,))
    config = Config(slos=replace(Config().slos, command_availability=some))
    checked = 0
    for _, panel in data_panels(render_all(config)):
        if panel["title"].startswith("Burn over "):
            long, short = (target["legendFormat"] for target in panel["targets"])
            names = [
                template.replace("{{slo}}", "command_availability").replace("{{command_type}}", own)
                for template in (long, short)
                for own in ("", "ShipOrder")
            ]
            for name in (re.sub(r"{{\w+}}", "", each) for each in names):
                styles = [
                    each["id"]
                    for override in panel["fieldConfig"]["overrides"]
                    if re.search(override["matcher"]["options"].strip("/"), name)
                    for each in override["properties"]
                ]
                assert ("custom.lineStyle" in styles) == name.endswith(" dashed"), name
                assert ("color" in styles) == ("ShipOrder" not in name), name
                checked += name.endswith(" dashed")
    assert checked == 2 * len(config.slos.burn_rates)


def test_no_alert_is_no_bar(rendered: list[Json]) -> None:
    """Where no alert fired, nothing is drawn that looks like one."""
    drawn = [p for _, p in data_panels(rendered) if p["title"] == "Alerts over time"]
    assert len(drawn) == 2
    for panel in drawn:
        (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
        assert mapping["options"]["0"]["color"] == "transparent"


def test_without_an_objective_there_is_no_line() -> None:
    """An objective that is switched off is neither drawn nor told."""
    off = replace(Config().slos.command_latency, enabled=False)
    config = Config(slos=replace(Config().slos, command_latency=off))
    (panel,) = (
        panel
        for dashboard in dashboards(config)
        for panel in dashboard.panels
        if isinstance(panel, Panel)
        and (dashboard.uid, panel.title) == ("cqrs-write-path", "Latency percentiles")
    )
    assert not panel.thresholds
    assert "objective" not in panel.description


def test_outcomes_have_one_color_everywhere(rendered: list[Json]) -> None:
    """Success, rejected, error and cancelled look the same on every panel that shows them."""
    seen: dict[str, set[str]] = {}
    for _, panel in data_panels(rendered):
        for override in panel["fieldConfig"].get("overrides", []):
            name = override["matcher"]["options"]
            for each in override["properties"]:
                if each["id"] == "color":
                    seen.setdefault(name, set()).add(each["value"]["fixedColor"])
    for status in catalog.STATUSES:
        assert seen[status] == {colors.BY_STATUS[status]}


def test_each_state_has_its_words_and_color(rendered: list[Json]) -> None:
    """Wherever states of projections are drawn, all of them are named, each in its own colour."""
    drawn = [
        panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
        for _, panel in data_panels(rendered)
        if any(projection_state.CODE in each["expr"] for each in panel["targets"])
    ]
    assert len(drawn) == 5
    for options in drawn:
        found = {each["text"]: each["color"] for each in options.values()}
        assert found == {
            state.name.replace("_", " "): colors.BY_STATE[state.name]
            for state in projection_state.STATES
        }
        assert len(set(found.values())) == len(found)


def test_generation_is_deterministic(rendered: list[Json]) -> None:
    """The same configuration gives the same bytes."""
    again = [render(dashboard) for dashboard in dashboards(Config())]
    assert json.dumps(again) == json.dumps(rendered)


def test_committed_files_are_regenerated(rendered: list[Json], tmp_path: Path) -> None:
    """What the repository holds is what the code writes."""
    fresh = {path.name: path.read_text() for path in write_dashboards(tmp_path, rendered)}
    assert {path.name: path.read_text() for path in GENERATED.glob("*.json")} == fresh


def installation(prefix: str) -> Config:
    """A configuration whose dashboards have a prefix."""
    return Config(dashboards=DashboardSettings(title_prefix=prefix))


def test_prefix_keeps_two_installations_apart() -> None:
    """Uids, titles, tags, links, providers and the alerts' addresses of the two are disjoint."""
    seen: list[dict[str, set[str]]] = []
    for config in (installation("Staging EU"), installation("")):
        drawn = render_all(config)
        rules = [rule for alert in alerting.ALERTS for rule in alerting.rules(alert, config)]
        (provider,) = yaml.safe_load(render_provider(config.dashboards))["providers"]
        addresses = {rule["annotations"]["dashboard_url"].partition("?")[0] for rule in rules}
        uids = {each["uid"] for each in drawn}
        assert {address.rpartition("/")[2] for address in addresses} <= uids
        tags = {tag for each in drawn for tag in each["tags"]}
        assert {tag for each in drawn for link in each["links"] for tag in link["tags"]} == tags
        seen.append(
            {
                "uids": uids,
                "titles": {each["title"] for each in drawn},
                "tags": tags,
                "addresses": addresses,
                **{key: {provider[key]} for key in ("name", "folder", "folderUid")},
                "path": {provider["options"]["path"]},
            }
        )
    staging, plain = seen
    assert "staging-eu-cqrs-write-path" in staging["uids"]
    assert "Staging EU CQRS / Write path" in staging["titles"]
    for what in staging:
        assert staging[what].isdisjoint(plain[what]), what


def test_tags_folder_and_data_source_are_the_users() -> None:
    """What the section on dashboards says is in the JSON and in Grafana's provider."""
    settings = DashboardSettings(datasource_uid="mimir", folder="Shop", tags=("team-shop",))
    config = Config(dashboards=settings)
    for drawn in render_all(config):
        assert drawn["tags"] == ["cqrs", "team-shop"]
        assert drawn["templating"]["list"][0]["current"]["value"] == "mimir"
    (provider,) = yaml.safe_load(render_provider(settings))["providers"]
    assert (provider["folder"], provider["folderUid"]) == ("Shop", "shop")


@pytest.mark.parametrize(
    ("prefix", "message"), [("???", "needs a letter"), ("x" * 30, "is too long")]
)
def test_impossible_prefix_is_refused(prefix: str, message: str) -> None:
    """A prefix that makes no uid, or one that Grafana would cut, is named."""
    with pytest.raises(ValueError, match=message):
        installation(prefix)
