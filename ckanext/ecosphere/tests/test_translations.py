"""The French interface is complete: every message is translated; `access/test_crawl.py` looks at the pages."""

from ckanext.ecosphere.tests.english import english_texts
from dev.translations import __main__ as catalogue


def test_every_message_is_translated_and_the_files_are_up_to_date():
    assert catalogue.problems() == [], "run `make i18n` and translate what it lists"


def test_english_on_a_page_is_noticed():
    page = '<p>Datasets</p><p>3 datasets found</p><p>Jeux de données</p><a aria-label="Log in">x</a>'
    assert english_texts(page) == ["3 datasets found", "Datasets", "Log in"]
