"""CSV for spreadsheets: accents are displayed, and no cell is run as a formula."""

import csv
import io
from datetime import date, datetime, timezone

import pytest

from ckanext.ecosphere.shared import csv_table


@pytest.mark.parametrize(
    "start",
    [*"=+-@\t\r\n＝＋－＠﹦﹢﹣﹫", " =", "\u2003=", "\u200b=", "\x0b=", "'=", '";,|=', "\ufeff="],
)
def test_a_text_that_begins_like_a_formula_is_quoted(start: str):
    assert csv_table.cell(f"{start}1+1") == f"'{start}1+1"


def test_numbers_moments_and_nothing_are_written_as_what_they_are():
    moment = datetime(2026, 3, 1, 8, 30, 12, tzinfo=timezone.utc)
    values = [
        csv_table.cell(value) for value in (-1, 2.5, None, date(2026, 3, 1), moment, "DDT 01")
    ]
    assert values == [-1, 2.5, "", "2026-03-01", "2026-03-01T09:30+01:00", "DDT 01"]
    stored = datetime(2026, 7, 1, 22, 30)  # in UTC, as stored by CKAN
    assert csv_table.cell(stored) == "2026-07-02T00:30+02:00"


def test_a_table_begins_with_the_mark_of_utf_8_and_its_columns():
    text = csv_table.write(("service", "note"), [["DDT de l’Ain", "=1+1"]])
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text[1:]), delimiter=";")) == [
        ["service", "note"],
        ["DDT de l’Ain", "'=1+1"],
    ]


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize(
    "text",
    [
        "x;=1+1",
        "x,=1+1",
        "x, -1+cmd|' /C calc'!A0",
        'a,"@SUM(1)',
        ";=1+1",
        "a\n=1+1;b",
        "a;'=1",
        "x;\t+cmd|' /C calc'!A0",
        "=1;=2",
        'x;"=1',
    ],
)
def test_no_formula_stands_behind_a_separator(text: str, separator: str):
    table = csv_table.write(("a", "b"), [[text, "fin"]])
    cells = [
        cell for row in csv.reader(io.StringIO(table[1:]), delimiter=separator) for cell in row
    ]
    assert [
        cell
        for cell in cells
        if csv_table.is_formula(cell) and not cell.lstrip(' \t"').startswith("'")
    ] == []
    assert csv_table.unmarked(csv_table.cell(text)) == text


@pytest.mark.parametrize(
    "text", ["POLYGON ((-1.5 47.1,-1.4 47.1, -1.4 47.2,-1.5 47.1))", "47.1,-1.5", "Ain, Rhône"]
)
def test_coordinates_stay_as_they_are(text: str):
    assert csv_table.cell(text) == text


def test_columns_stand_in_the_file_as_french_spreadsheets_separate_them():
    assert (
        csv_table.write(("service", "part"), [["DDT 01", 2.5]])
        == "\ufeffservice;part\r\nDDT 01;2.5\r\n"
    )


def test_lists_in_a_text_stay_as_they_are():
    assert (
        csv_table.cell("Contient :\n- les zones ;\n- les sites")
        == "Contient :\n- les zones ;\n- les sites"
    )
