"""Rows are laid out on a grid that is always full."""

from __future__ import annotations

import pytest

from cqrs_dashboards.layout import Place, place
from cqrs_dashboards.model import Dashboard, Row, Text


def text(width: int, height: int = 3) -> Text:
    """A panel of this size."""
    return Text("words", width, height)


def dashboard(*rows: Row) -> Dashboard:
    """A dashboard of rows."""
    return Dashboard("uid", "title", "description", (), rows)


def test_lines_follow_each_other() -> None:
    """A full line is followed by the next; headings take a line of their own."""
    first = Row("", (text(24),))
    second = Row("Stage", (text(12, 8), text(12, 8), text(24, 6)))
    top, stage = place(dashboard(first, second))
    assert top.heading is None
    assert stage.heading == Place(0, 3, 24, 1)
    assert [at for _, at in stage.panels] == [
        Place(0, 4, 12, 8),
        Place(12, 4, 12, 8),
        Place(0, 12, 24, 6),
    ]


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ((text(10), text(10)), "leaves 4 columns"),
        ((text(16), text(16)), "does not fit"),
        ((text(12, 8), text(12, 6)), "does not fit"),
    ],
)
def test_holes_are_refused(panels: tuple[Text, ...], message: str) -> None:
    """A line that is not full, overflows or is ragged is an error of ours, not Grafana's."""
    with pytest.raises(ValueError, match=message):
        list(place(dashboard(Row("Stage", panels))))
