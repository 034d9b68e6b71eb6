"""The grounds of the law, and what a refusal states."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import refusal

from .conftest import act, opened

pytestmark = pytest.mark.usefixtures("portal")

#: Reasons that the law takes away, or never gave, for information on the environment (L. 124-4).
NOT_FOR_THE_ENVIRONMENT = {"L311-2-dp", "L311-5-2-e", "L311-5-2-h"}


def draft(ground: str) -> str:
    return act("refusal_text", "admin", id=opened()["id"], ground=ground)["text"]


def test_every_ground_of_the_lists_is_put_beside_the_law():
    listed = {each.id for each in voc.get("access-limitation") if each.data.get("restricts")}
    assert set(refusal.grounds()) == listed
    assert listed - {each.id for each in refusal.usable()} == NOT_FOR_THE_ENVIRONMENT
    assert all("art. L. " in each.articles for each in refusal.grounds().values())


def test_a_ground_that_the_law_takes_away_gives_no_text():
    for ground in NOT_FOR_THE_ENVIRONMENT:
        with pytest.raises(tk.ValidationError):
            draft(ground)


def test_the_remedies_are_those_of_the_law(with_request_context: None):
    text = draft("L311-5-2-d")
    for needed in (
        "Commission d’accès aux documents administratifs (CADA)",
        "TSA 50730, 75334 Paris Cedex 07",
        "www.cada.fr",
        "within two months of its notification",
        "compulsory before any action in court",
        "L. 342-1 and R. 343-1",
        "two months after the CADA registered",
        "L. 124-4, I, 1°",
    ):
        assert needed in text, needed
    assert "{" not in text


def test_what_a_person_must_say_depends_on_the_ground():
    assert "emissions" in draft("L311-6-1-sa") and "emissions" not in draft("L311-5-2-d")
    assert "which authority finishes it" in draft("L311-2-dna")


def test_a_part_that_was_left_to_complete_is_found_however_its_lines_break():
    text = draft("L311-5-2-d")
    with pytest.raises(tk.Invalid, match="square brackets"):
        refusal.check(text.replace(" why ", "\n why "))
    done = "\n\n".join(part for part in text.split("\n\n") if not part.startswith("["))
    assert refusal.check(done) == done
