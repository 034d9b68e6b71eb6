"""The French translation is complete; `access/test_crawl.py` checks the pages."""

import ast
import re
import sys

import pytest
from babel.messages.catalog import Catalog

from ckanext.ecosphere.tests.english import english_texts
from ckanext.ecosphere.tests.trees import parsed
from dev.translations import __main__ as catalogue
from dev.translations import typography


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="extracted with Debian 12's Python: tokens of 3.12 differ"
)
def test_every_message_is_translated_and_the_files_are_up_to_date():
    assert catalogue.problems() == [], "run `make i18n` and translate what it lists"


def test_no_message_stands_within_a_formatted_text_where_it_is_not_found():
    known = {
        each.id if isinstance(each.id, str) else each.id[0]
        for each in catalogue.read(catalogue.POT)
    }
    lost = [
        (path.name, node.lineno, message.value)
        for path in catalogue.PACKAGE.rglob("*.py")
        if "tests" not in path.parts
        for node in ast.walk(parsed(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in ("_", "N_", "ungettext")
        for message in call.args[:1]
        if isinstance(message, ast.Constant) and message.value not in known
    ]
    assert lost == []


def test_french_has_the_apostrophe_of_typography():
    texts = [
        (each.string,) if isinstance(each.string, str) else each.string
        for each in catalogue.read(catalogue.PO)
    ]
    assert [text for strings in texts for text in strings if re.search(r"\w'\w", text)] == []


def test_english_on_a_page_is_noticed():
    page = (
        '<p>Datasets</p><p>3 datasets found</p><p>Jeux de données</p><a aria-label="Log in">x</a>'
    )
    assert english_texts(page) == ["3 datasets found", "Datasets", "Log in"]


def test_a_message_that_is_asked_for_with_a_number_and_without_is_named(monkeypatch):
    found = [catalogue.Message("Layer"), catalogue.Message(("Layer", "Layers"))]
    monkeypatch.setattr(catalogue, "every", lambda: tuple(found))
    assert catalogue.counted_or_not() == ["Layer"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Vraiment ? Oui !", "Vraiment\u00a0? Oui\u00a0!"),
        ("« {title} » : {n} %", "«\u00a0{title}\u00a0»\u00a0: {n}\u00a0%"),
        ("100 %% de %s ; {a}", "100\u00a0%% de %s\u00a0; {a}"),
        ("https://a.fr/?q=1 et 10:30, a :b", "https://a.fr/?q=1 et 10:30, a :b"),
        ("Voir <strong>Membre :</strong>", "Voir <strong>Membre\u00a0:</strong>"),
        ("l'eau, vraiment?", "l’eau, vraiment\u00a0?"),
        ("commence par mailto:", "commence par mailto:"),
        ("Activité de: ", "Activité de\u00a0: "),
    ],
)
def test_french_is_written_as_it_is_printed(text: str, expected: str):
    assert typography.written(text) == expected == typography.written(expected)


def test_a_plain_space_at_a_mark_fails_the_check(monkeypatch, tmp_path):
    bad = Catalog(locale="fr")
    bad.add("Really?", "Vraiment ?")
    assert catalogue.badly_set(bad) == ["plain space at a mark: 'Vraiment ?'"]
    (tmp_path / "texts.csv").write_text("key,fr\nx,Une question ?\n", encoding="utf-8")
    monkeypatch.setattr(typography, "PACKAGE", tmp_path)
    monkeypatch.setattr(typography, "TEXTS", ("texts.csv",))
    assert list(typography.badly_set()) == ["plain space at a mark: texts.csv, line 2"]
    typography.typeset_data()
    assert list(typography.badly_set()) == []
