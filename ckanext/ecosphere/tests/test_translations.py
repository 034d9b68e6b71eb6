"""The French interface is complete: every message is translated; `access/test_crawl.py` looks at the pages."""

import re

from ckanext.ecosphere.tests.english import english_texts
from dev.translations import __main__ as catalogue


def test_every_message_is_translated_and_the_files_are_up_to_date():
    assert catalogue.problems() == [], "run `make i18n` and translate what it lists"


def test_french_has_the_apostrophe_of_typography():
    texts = [(each.string,) if isinstance(each.string, str) else each.string for each in catalogue.read(catalogue.PO)]
    assert [text for strings in texts for text in strings if re.search(r"\w'\w", text)] == []


def test_english_on_a_page_is_noticed():
    page = '<p>Datasets</p><p>3 datasets found</p><p>Jeux de données</p><a aria-label="Log in">x</a>'
    assert english_texts(page) == ["3 datasets found", "Datasets", "Log in"]
