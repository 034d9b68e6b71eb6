"""Frames that editors copy and change in the portal."""

from __future__ import annotations

import time
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.studies import frames
from ckanext.ecosphere.studies.model import PortalFrame
from ckanext.ecosphere.studies.tests.conftest import act

CONTENT = """\
title: {fr: Étude d’impact de la Loire-Atlantique}
inherits: etude-impact
territory: departement-44
sources:
- {key: dreal, title: Doctrine de la DREAL, url: "https://example.org/doctrine"}
groups:
- id: nature
  label: {fr: Nature}
  needs:
  - {need: haies-44, label: {fr: Haies bocagères}, words: [haies], why: {fr: La DREAL le demande.}, source: dreal}
"""


@pytest.fixture(autouse=True)
def portal_of_real_frames(people: None, ckan_config: Any) -> None:
    """No frame of the portal."""
    model.Session.execute(sa.delete(PortalFrame))
    model.Session.commit()


def test_an_editor_makes_a_frame_that_inherits_and_changes_it_with_versions():
    saved = act("frame_save", "editor", content=CONTENT)
    assert (saved["id"], saved["version"]) == ("etude-d-impact-de-la-loire-atlantique", 1)
    parent = frames.frame("etude-impact")
    assert parent is not None
    needs = [need["id"] for group in saved["groups"] for need in group["needs"]]
    assert len(needs) == len(parent.needs) + 1
    again = act(
        "frame_save", "editor", id=saved["id"], content=CONTENT.replace("bocagères", "anciennes")
    )
    assert again["version"] == 2
    assert len(frames.versions(saved["id"])) == 2
    for person in ("stranger", "owner"):
        with pytest.raises(tk.NotAuthorized):
            act("frame_save", person, id=saved["id"], content=CONTENT)
    assert act("frame_save", "boss", id=saved["id"], content=CONTENT)["version"] == 3


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- a",
        "a: [",
        "a: &x [1]\nb: *x",
        "a: " + "[" * 3_000,
        "title: {fr: x}",
        CONTENT.replace("source: dreal", "source: rien"),
        CONTENT.replace("inherits: etude-impact", "inherits: rien"),
        "a" * 200_001,
        None,
        7,
    ],
    ids=range(11),
)
def test_what_is_wrong_with_a_frame_is_said(content: Any):
    with pytest.raises(tk.ValidationError) as refused:
        act("frame_save", "editor", content=content)
    assert refused.value.error_dict["content"]
    assert model.Session.scalars(sa.select(PortalFrame)).all() == []


def test_frames_that_ship_with_the_suite_are_copied_not_changed():
    with pytest.raises(tk.ObjectNotFound):
        act("frame_save", "boss", id="etude-impact", content=CONTENT)


@pytest.mark.slow("hostile")
@pytest.mark.parametrize(
    "text", ["[" * 20_000, "- " * 20_000, "{a: " * 10_000, "[" * 15_000 + "]" * 15_000]
)
def test_yaml_that_is_nested_too_deeply_is_refused_in_bounded_time(text):
    start = time.process_time()
    with pytest.raises(ValueError):
        frames.parsed(text)
    assert time.process_time() - start < 3
