"""Charts, tables and feeds: they agree on the figures, and escape what people wrote."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone
from xml.etree import ElementTree as ET

import pytest

from ckanext.ecosphere.data_requests.views import figures
from ckanext.ecosphere.shared import atom

HOSTILE = '<script>"&\x08'
NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
SVG = "{http://www.w3.org/2000/svg}"
FIGURES = {
    "received": 3,
    "answered": 1,
    "answered_within_month": 0.5,
    "median_days_first_answer": None,
    "apart": {"transferred": 1},
    "outcomes": {"fulfilled": 1},
    "backlog": [{"age": "0-7", "count": 2}],
    "by_month": [{"month": "2026-11", "received": 3, "answered": 1}],
    "satisfaction": {"yes": 5},
    "services": [
        {
            "name": "ddt-42",
            "received": 3,
            "waiting": 1,
            "overdue": 0,
            "answered": 1,
            "refused": 0,
            "within_month": 0.5,
            "median_days": 3.0,
            "satisfaction": None,
        }
    ],
    "grounds": [{"ground": "=1+1", "count": 2}],
    "unmet": [{"theme": "=cmd()", "departements": [{"id": "departement-01"}, {"id": "departement-42"}], "support": 4}],
}


def test_a_chart_draws_one_pair_of_bars_for_each_month():
    points = [{"month": f"2026-{month:02}", "received": month, "answered": month - 1} for month in (1, 2, 3)]
    drawn = ET.fromstring(str(figures.months_chart(points)))
    bars = drawn.findall("rect")
    heights = [float(node.get("height", "0")) for node in bars]
    assert len(bars) == 6
    assert heights[0] == pytest.approx(heights[3]) and heights[1] == 0
    assert heights[4] == pytest.approx(3 * heights[0], rel=0.01)


@pytest.mark.parametrize("highest", [1, 4, 7, 33, 999, 12_345])
def test_no_bar_leaves_the_chart(highest: int):
    drawn = ET.fromstring(str(figures.months_chart([{"month": "2026-01", "received": highest, "answered": 0}])))
    bar = drawn.findall("rect")[0]
    assert float(bar.get("y", "0")) >= 0
    assert float(bar.get("height", "0")) > figures.HEIGHT / 8


def test_a_chart_of_nothing_is_nothing():
    assert figures.months_chart([]) == ""
    assert figures.bars_chart("Outcomes", [("Refused", 0)]) == ""


def test_labels_cannot_break_out_of_a_chart():
    drawn = str(figures.bars_chart(HOSTILE, [(HOSTILE, 2)]))
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_the_table_holds_every_figure_and_runs_no_formula():
    text = figures.codes(FIGURES)
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:]), delimiter=";"))
    assert rows[0] == ["figure", "detail", "place", "value"]
    assert ["received", "", "", "3"] in rows and ["median_days_first_answer", "", "", ""] in rows
    assert ["month", "2026-11", "answered", "1"] in rows
    assert ["satisfaction", "yes", "", "5"] in rows and ["service overdue", "ddt-42", "", "0"] in rows
    assert rows[-2:] == [["unmet", "'=cmd()", f"departement-{number}", "4"] for number in ("01", "42")]


def test_a_feed_is_well_formed_whatever_people_write():
    entry = atom.Entry("urn:1", HOSTILE, "https://x.example/1", NOW, summary=HOSTILE, categories=(HOSTILE,))
    root = ET.fromstring(atom.feed(HOSTILE, "Guichet", "https://x.example", "https://x.example/flux.atom", [entry]))
    found = {node.tag.split("}")[1]: node for node in root.iter()}
    assert root.tag == f"{{{atom.NAMESPACE}}}feed"
    assert found["summary"].text == '<script>"&'
    assert found["updated"].text == NOW.isoformat()


def test_a_feed_without_entries_is_still_a_feed():
    root = ET.fromstring(atom.feed("t", "Guichet", "https://x.example", "https://x.example/flux.atom", []))
    assert root.find(f"{{{atom.NAMESPACE}}}updated") is not None
