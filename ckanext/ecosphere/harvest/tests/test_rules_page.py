"""The documentation page of the rules lists each rule, in order, and each table."""

import re
from pathlib import Path

from ckanext.ecosphere.harvest.normalise.draft import DATA
from ckanext.ecosphere.harvest.normalise.rules import RULES

#: Tables that the rules share with the rest of the suite.
OF_DATASETS = Path(__file__).parents[2] / "dataset" / "data"
PAGE = Path(__file__).parents[4] / "docs" / "harvest-rules.md"


def test_the_page_lists_the_rules_in_their_order():
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("## The rules") : page.index("### Organisation")]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, flags=re.MULTILINE) == list(RULES)


def test_the_page_lists_the_tables():
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z-]+\.csv)`", page[page.index("## The tables") :]))
    own = {path.name for path in DATA.glob("*.csv")}
    of_datasets = {path.name for path in OF_DATASETS.glob("*.csv")}
    assert own <= named <= own | of_datasets
