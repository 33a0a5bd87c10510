"""The roads matrix as its command makes it, on real servers: one cell of each kind of road."""

from __future__ import annotations

import json
import subprocess

import pytest

from orders.demo.command_lines import ORDERS
from orders.roads.all_runs import RESULT_FILE
from orders.roads.plan import ROADS, all_cells, choose_cells, plan_runs
from waits import LIMIT

pytestmark = pytest.mark.servers

DEFAULT = "UnderscoreEscapingWithSuffixes"
CELLS = (
    f"scraped-by-prometheus-2/{DEFAULT}/classic",
    "collector-scraped/UnderscoreEscapingWithoutSuffixes/classic",
    f"collector-remote-write/{DEFAULT}/classic",
)


def test_cells_of_several_roads_are_green(tmp_path, request):
    """The doctor finds nothing empty, all is counted as it happened; status 0, and JSON of it."""
    done = subprocess.run(
        [*ORDERS, "roads", f"--data={tmp_path / 'runs'}", *(f"--only={name}" for name in CELLS)],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        timeout=3 * LIMIT,  # of several runs
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CELLS)} of {len(CELLS)} cells are green" in done.stdout
    document = json.loads((tmp_path / "runs" / RESULT_FILE).read_text())
    assert document["passed"]
    assert all(cell["operations"] > 100 for cell in document["cells"])


def test_every_cell_is_in_one_run():
    """Nothing of the matrix is left out or run twice, and each road has a cell."""
    cells = [cell for run in plan_runs(all_cells()) for cell in run.cells]
    assert sorted(cell.name for cell in cells) == sorted(cell.name for cell in choose_cells())
    assert {cell.road.name for cell in cells} == set(ROADS)
