"""Legal data: grounds of refusal, administrative courts, texts of letters,
each with the date of its last check.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from datetime import date

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests.decisions import compose, law
from ckanext.ecosphere.data_requests.decisions import compose as c

#: Grounds that the law excludes, or never provided, for environmental information (L. 124-4).
NOT_FOR_THE_ENVIRONMENT = {"L311-2-dp", "L311-5-2-e", "L311-5-2-h"}
EMISSIONS = re.compile(r"L311-4|L311-5-2-[bcdfg]|INSPIRE_Directive_Article13_1[bce]")
SENDER = c.Sender(
    "Direction départementale des territoires de la Somme",
    ("80000 Amiens",),
    "Tribunal administratif d’Amiens",
)
WORDS = "Motif <script>alert(1)</script> & faits"


def facts(kind: str, language: str = "fr", **given: object) -> c.Facts:
    author = c.Author("Jeanne", "Martin", "Cheffe de service")
    dates = {"day": date(2026, 12, 31), "received": date(2026, 11, 30), "due": date(2026, 12, 30)}
    return c.Facts(
        kind,
        reference="DD-2026-00001",
        title="Zones",
        months=1,
        sender=SENDER,
        author=author,
        given=given,
        language=language,
        **dates,
    )  # pyright: ignore


def test_every_ground_of_the_vocabulary_is_beside_the_law():
    listed = {each.id for each in voc.get("access-limitation") if each.data.get("restricts")}
    assert listed <= set(law.grounds())
    assert {
        each.ground for each in law.grounds().values() if not each.usable
    } == NOT_FOR_THE_ENVIRONMENT
    for each in law.grounds().values():
        assert re.search(r"article [LR]\. |article 13", each.articles), each.ground
        assert date.fromisoformat(each.checked) and each.basis in ("text", "jurist")


def test_only_a_natural_person_is_protected_as_supplier():
    supplier = "L124-4-I-3"
    assert "personne physique" in law.grounds()[supplier].label_fr
    assert "natural person" in law.grounds()[supplier].label_en
    assert (
        "personne physique" in law.interests()[supplier].fr
        and "natural person" in law.interests()[supplier].en
    )


def test_what_was_read_in_a_text_has_its_day():
    texts = law.texts()
    parts = [*texts["shared"].values(), *(kind["body"] for kind in texts["kinds"].values())]
    read = [
        part
        for body in parts
        for part in body
        if part.get("basis") == "text" and "list" not in part
    ]
    assert read and all(isinstance(part.get("checked"), date) for part in read)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_request_that_was_passed_on_cites_the_article_that_asks_for_it(language: str):
    passed = {
        "transmitted_to": "OFB",
        "transmitted_by": "Jeanne Martin",
        "transmitted_on": "2026-12-30",
    }
    letter = c.compose(facts("not_held", language, reason=WORDS, transmitted_how="email", **passed))
    plain = letter.plain.replace("\u00a0", " ")
    assert "article R. 124-1, III" in plain and "L. 124-4" not in plain


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_decision_that_must_not_name_its_author_is_sent_as_a_copy(language: str):
    named, unnamed = (
        c.compose(
            facts("refuse", language, ground="L311-5-2-d", law=WORDS, facts=WORDS, unnamed=answer)
        )
        for answer in (law.NO, law.YES)
    )
    for name in ("Jeanne", "Martin", "Cheffe de service"):
        assert name in named.plain and name in named.html
        assert name not in unnamed.plain and name not in unnamed.html
        assert not any(name in line for block in unnamed.blocks for line in block.paragraphs)
    assert "ampliation" in unnamed.plain and "ampliation" not in named.plain
    assert (
        SENDER.name in unnamed.plain
        and "article L. 212-1, second alinéa" in unnamed.plain.replace("\u00a0", " ")
    )


def test_emissions_are_refused_on_the_short_list_alone():
    holding = {each.ground for each in law.grounds().values() if each.emissions}
    assert holding == {key for key in law.grounds() if EMISSIONS.fullmatch(key)}


def test_article_13_is_for_spatial_data_services():
    assert all(each.ground.startswith("INSPIRE") for each in law.usable(law.SERVICE_KIND))
    assert not any(each.ground.startswith("INSPIRE") for each in law.usable(law.DATA_KIND))


def test_forty_two_courts_cover_every_departement():
    assert len(set(law.courts().values())) == 42
    places = [
        each.id
        for each in voc.get("territories")
        if each.data.get("type") in ("departement", "outre-mer")
    ]
    assert [place for place in places if place not in law.courts()] == []
    assert law.courts()["departement-80"] == "Tribunal administratif d’Amiens"


def test_names_of_services_are_spelled_out():
    names = {each.id: sheets.spelled_out(each) for each in voc.get("organisations")}
    assert all(sheets.is_spelled_out(name) for name in names.values())
    assert "Direction départementale des territoires et de la mer de la Somme" in names.values()


@pytest.mark.parametrize(
    "kind", ["refuse", "fulfil_partly", "not_held", "reject", "extend", "receipt", "silence"]
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_letters_state_dated_remedies(kind: str, language: str):
    letter = c.compose(
        facts(
            kind,
            language,
            ground="L124-4-I-4",
            law=WORDS,
            facts=WORDS,
            reason=WORDS,
            missing=WORDS,
            due="2027-01-30",
        )
    )
    plain = letter.plain.replace("\u00a0", " ")
    assert "{" not in plain and "CADA" in plain and "tribunal administratif d’Amiens" in plain
    # 28 February 2027 is a Sunday.
    assert ("1er mars 2027" in plain) == (
        kind in ("refuse", "fulfil_partly", "not_held", "reject", "receipt", "silence", "extend")
    )
    assert ("Jeanne Martin" in plain) == (kind not in ("receipt", "silence"))
    assert "<script>" not in letter.html
    assert ("Courtesy translation" in letter.html) == (language == "en")
    assert letter.sha256 == c.digest(letter.html, letter.plain)


def test_the_pdf_is_tagged_and_fetches_nothing():
    made = compose.pdf(
        "Décision",
        '<p>Texte</p><img src="http://127.0.0.1:1/a.png" alt=""><link rel="stylesheet" href="file:///etc/passwd">',
        "Ursule <b>",
    )
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL)
    said = (
        b" ".join(zlib.decompressobj().decompress(each) for each in streams if each[:1] == b"x")
        + made
    )
    assert b"/StructTreeRoot" in said and b"pdfuaid" in said and b"/Lang" in said
    with pytest.raises(ValueError, match="fetch nothing"):
        compose.refuse_fetch("http://127.0.0.1/")


@pytest.mark.parametrize("kind", ["refuse", "extend", "receipt", "silence"])
def test_the_first_of_a_month_is_written_as_in_french(kind: str):
    first = {"day": date(2027, 1, 1), "received": date(2027, 2, 1), "due": date(2027, 3, 1)}
    letter = c.compose(
        replace(facts(kind, "en", ground="L124-4-I-4", reason=WORDS, due="2027-03-01"), **first)
    )
    french, _label, english = letter.plain.replace("\u00a0", " ").partition("COURTESY TRANSLATION")
    assert "1er février 2027" in french and not re.search(
        r"\b1 (?:janvier|février|mars|mai) 2027", french
    )
    assert "1 February 2027" in english and "1er" not in english
