"""Every readable sample record is imported, shown in the form, and saved unchanged."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from ckanext.ecosphere.schemas.tests.comparing import RECORDS
from ckanext.ecosphere.tests.forms import Form

pytestmark = [pytest.mark.slow("records"), pytest.mark.usefixtures("shared_db")]
SUFFIXES = (".xml", ".rdf", ".ttl", ".jsonld", ".json")
FILES = sorted(path for path in RECORDS.glob("*/*") if path.suffix in SUFFIXES)
FEWEST_READ = 70


@pytest.mark.skipif(not FILES, reason="the real records are not part of the project")
def test_a_real_record_is_saved_as_a_draft_as_it_was_imported(app, editor, service):
    refused, read = {}, 0
    for path in FILES:
        form = imported(app, editor, path)
        if form is None:
            continue
        read += 1
        answer = form.send(owner_org=service["id"])
        if answer.status_code != 302:
            refused[path.name] = said(answer)
    assert refused == {}
    assert read >= FEWEST_READ


def imported(app: Any, user: dict[str, Any], path: Path) -> Form | None:
    """Return the form of a new dataset prefilled from a file,
    or None if the file is not readable.
    """
    sent = {"file": (io.BytesIO(path.read_bytes()), path.name)}
    try:
        return Form(app, user, "/fr/dataset/importer", sent)
    except LookupError:
        return None


def said(answer: Any) -> list[str]:
    page = BeautifulSoup(answer.body, "html.parser")
    return [" ".join(each.text.split()) for each in page.select("#form-errors li")] or [
        page.text[:300]
    ]
