"""Removal of deceptive or harmful characters, leaving all other text unchanged."""

from __future__ import annotations

import time
import unicodedata

import pytest

from ckanext.ecosphere.dataset import bounds
from ckanext.ecosphere.shared import characters, contact_details


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("QualitÃ© dÃ©jÃ\xa0 lâ€™eau, nÂ°5, cÅ“ur", "Qualité déjà l’eau, n°5, cœur"),
        ("dÃ©jÃ  vu Ã Lyon", "déjà  vu à Lyon"),
        ("l\x92eau \x96 \x9cuvre", "l’eau – œuvre"),
        ("Fore\u0302ts", "Forêts"),
        ("RÉALISÉ\xa0: «\xa0à\xa0»", "RÉALISÉ\xa0: «\xa0à\xa0»"),
        ("É’À\xa0é\xa0»à…", "É’À\xa0é\xa0»à…"),
        ("IRMÃO, MAÇÃ, ÂGE, Ångström", "IRMÃO, MAÇÃ, ÂGE, Ångström"),
        ("a\u0301\u0323", "a\u0301\u0323"),
        ("\x81", "\x81"),
    ],
)
def test_what_a_wrong_encoding_made_of_accents_is_put_right(written: str, mended: str) -> None:
    assert characters.mended(written) == mended


@pytest.mark.parametrize(
    "char",
    ["\x00", "\x1b", "\ud800", "\udfff", "\u202e", "\u2066", "\u200b", "\ufeff", "\U000e0041"],
)
def test_deceiving_character_is_taken_out(char: str) -> None:
    assert not characters.is_clean(f"a{char}b")
    assert characters.clean(f"a{char}b") == "ab"


def test_other_texts_stay() -> None:
    text = "Éoliennes d’Île-de-France\n\t« œuvre » 𝒜 Ελληνικά العربية 👩\u200d🌾"
    assert characters.is_clean(text)
    assert characters.clean(text) == text


def test_piled_accents_are_cut() -> None:
    assert characters.clean("a" + "\u0301" * 50) == "a" + "\u0301" * 4


@pytest.mark.parametrize(
    "text", ["Éoliennes d’Île", "Ｆｕｌｌ ﬁn œ", "e\u0301\u0316x" * 70, "각" * 150]
)
def test_accents_are_taken_off_as_unicode_says(text: str) -> None:
    whole = unicodedata.normalize("NFKD", text)
    assert characters.without_accents(text) == "".join(
        char for char in whole if not unicodedata.combining(char)
    )


def test_accents_are_taken_off_in_linear_time() -> None:
    start = time.process_time()
    characters.without_accents("a" + "\u0301\u0316" * 50_000)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mailto:a.b@ain.gouv.fr ; c@d.fr", "a.b@ain.gouv.fr"),
        ("écrire à ddt@ain.gouv.fr.", "ddt@ain.gouv.fr"),
        ("@ rien", None),
        ("a@b", None),
        ("a@b.c", None),
        ("x@@ddt@ain.gouv.fr", "ddt@ain.gouv.fr"),
        ("a@-b.fr", None),
        ("", None),
    ],
)
def test_first_address_of_a_text(text: str, address: str | None) -> None:
    assert contact_details.first_address(text) == address


def test_address() -> None:
    assert contact_details.is_address("service@ain.gouv.fr")
    assert contact_details.is_address("été@préfecture.fr")
    for text in (
        "a@b",
        "a b@c.fr",
        "a@b@c.fr",
        "@b.fr",
        "a@.fr",
        "a@b.",
        "a@" + "b" * 300 + ".fr",
        "",
    ):
        assert not contact_details.is_address(text)


def test_what_is_too_long_is_cut_and_told() -> None:
    told: list[tuple[str, int, int, bool]] = []
    value = {"title": "a" * 600, "theme": ["x"] * 2_000, "size": 3}
    cut = bounds.cut(value, "", lambda *each: told.append(each))
    assert len(cut["title"]) == 500
    assert len(cut["theme"]) == 1_000
    assert cut["size"] == 3
    assert told == [("title", 600, 500, False), ("theme", 2_000, 1_000, True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://solr:se@cret@host/solr", "http://host/solr"),
        ("postgresql://ckan:secret@db/ckan is away", "postgresql://db/ckan is away"),
        ("https://host.fr?mail=a@b.fr", "https://host.fr?mail=a@b.fr"),
        ("https://host.fr/#a@b.fr", "https://host.fr/#a@b.fr"),
    ],
)
def test_user_and_password_are_removed_from_an_address_and_nothing_else(text: str, expected: str):
    assert characters.without_credentials(text) == expected
