"""The generated rules against the demo's Prometheus, as pint judges them when it may ask."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from cqrs_alerts import rebuild_alerts, slo
from cqrs_alerts.config import Config
from cqrs_alerts.label_names import LONG_WINDOW
from cqrs_alerts.naming import recorded_label
from cqrs_alerts.projection_state import CODE, LAST_ERROR
from cqrs_alerts.promql import duration_seconds
from cqrs_alerts.rebuilds import DONE, REMAINING
from cqrs_alerts.recording import (
    COMMAND_RATE,
    QUERY_RATE,
    REBUILD_APPLIED,
    REBUILD_RATE,
    REBUILD_TARGET,
    WAIT_RATE,
    WAIT_TIMEOUTS,
)
from cqrs_alerts.rule_files import render_rules
from cqrs_telemetry import catalog
from orders.demo.prometheus import SCRAPE_INTERVAL
from waits import LIMIT, wait_for

pytestmark = pytest.mark.healthy

CONFIG = Config()
# The demo is minutes old, so pint has to look closely; and as it is healthy, no alert may have
# fired. Rules over days are evaluated every five minutes: whether their series exist yet is chance,
# and the same rules over hours are checked. No wait times out, and no event fails. Series of
# rebuilds and waits exist for a while only.
ONLINE = """
prometheus "demo" {{
  uri = "{uri}"
}}

check "promql/series" {{
  lookbackRange     = "1h"
  lookbackStep      = "10s"
  ignoreLabelsValue = {{ {absent} }}
}}

rule {{
  match {{
    name = "{fleeting}"
  }}
  match {{
    kind = "recording"
    name = "cqrs:slo_.*({days})"
  }}
  match {{
    kind = "alerting"
    label "{long_window}" {{
      value = "{days}"
    }}
  }}
  disable = ["promql/series"]
}}

rule {{
  match {{
    kind = "alerting"
  }}
  alerts {{
    range    = "1h"
    step     = "10s"
    resolve  = "5m"
    minCount = 1
    severity = "bug"
  }}
}}
"""
HOURS = [w for w in slo.windows(CONFIG) if duration_seconds(w) < duration_seconds("1d")]
DAYS = [w for w in slo.windows(CONFIG) if w not in HOURS]
ABSENT = {WAIT_RATE.name: recorded_label(catalog.WAIT_STATUS)}
FLEETING = (
    *(each.name for each in (REBUILD_TARGET, REBUILD_APPLIED, REBUILD_RATE, WAIT_TIMEOUTS)),
    *(DONE, REMAINING, CODE, LAST_ERROR),  # of the last two: no event has failed
    *(alert.name for alert in rebuild_alerts.ALERTS),
)
# Rules that only a server can tell are wrong, by the check that does.
WRONG = {
    "promql/series": {
        "record": "wrong:misspelt",
        "expr": f'sum({COMMAND_RATE.name}{{command_status="sucess"}})',
    },
    "promql/vector_matching": {
        "record": "wrong:labels",
        "expr": f"sum by (command_type) ({COMMAND_RATE.name}) / {QUERY_RATE.name}",
    },
    "promql/rate": {
        "record": "wrong:range",
        "expr": f"rate(prometheus_http_requests_total[{SCRAPE_INTERVAL}])",
    },
    "labels/conflict": {
        "record": "wrong:external",
        "expr": "sum(up)",
        "labels": {"prometheus": "another"},
    },
    "alerts/count": {"alert": "Wrong", "expr": "sum(up) > 0"},
}


@pytest.fixture
def lint(demo, request, tmp_path):
    """Pint with the repository's settings and perhaps the demo's server; returns its findings."""
    root = request.config.rootpath
    pint = root / ".tools/bin/pint"
    assert pint.exists(), "pint is missing; make tools brings it"
    absent = ", ".join(f'"{name}" = ["{label}"]' for name, label in ABSENT.items())
    server = ONLINE.format(
        uri=demo.state()["urls"]["prometheus"],
        absent=absent,
        fleeting="|".join(FLEETING),
        days="|".join(DAYS),
        long_window=LONG_WINDOW,
    )

    def run(files, *, online):
        settings, option = (server, []) if online else ("", ["--offline"])
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        (tmp_path / "pint.hcl").write_text((root / "alerts/pint.hcl").read_text() + settings)
        done = subprocess.run(
            [pint, "--no-color", "--config=pint.hcl", *option, "lint", "--json=found.json", *files],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        print(done.stderr)
        groups = [group for text in files.values() for group in yaml.safe_load(text)["groups"]]
        rules = sum(len(group["rules"]) for group in groups)
        assert f"entries={rules} workers=10 online={str(online).lower()}" in done.stderr
        return json.loads((tmp_path / "found.json").read_text())

    return run


def test_pint_finds_nothing_on_the_demo(demo, lint):
    """All series and labels that the rules name are there, and no alert would have fired."""
    rates = f'{{__name__=~"{"|".join(map(slo.burn_rate, HOURS))}"}}'
    wait_for(
        "burn rate of each SLI over each window of hours",
        lambda: len(demo.query(rates)) == len(HOURS) * len(slo.SLIS),
        saw=lambda: demo.query(rates),
    )
    assert lint(render_rules(CONFIG), online=True) == []


def test_pint_tells_what_only_a_server_can_know(lint):
    """A wrong rule of each kind passes offline and is found online: the test above can fail."""
    files = {
        "wrong.yaml": yaml.safe_dump({"groups": [{"name": "wrong", "rules": [*WRONG.values()]}]})
    }
    assert lint(files, online=False) == []
    assert {each["reporter"] for each in lint(files, online=True)} == WRONG.keys()
