"""Random ISO 19139 documents: every text is in the dataset, reported,
or in an element that is ignored on purpose.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
import yaml
from lxml import etree

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.normalise import Context, normalise

HERE = Path(__file__).parent
RECORD = yaml.safe_load((HERE / "iso_elements.yaml").read_text(encoding="utf-8"))["record"]
PAGE = Path(__file__).parents[4] / "docs" / "harvest-rules.md"
NAMESPACES = (
    'xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"'
)
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnpt" for vowel in "aeiou"]
DOCUMENTS = 60


class Making:
    """A generated document: its text, and the texts of its leaves by path."""

    def __init__(self, seed: int):
        self.leaves: list[tuple[str, str]] = []
        self._random = random.Random(seed)
        self._number = 0
        self._chance = self._random.choice((0.3, 0.6, 0.9))

    def document(self) -> str:
        inner = "".join(
            self._element(name, content, name)
            for name, content in RECORD.items()
            if self._chosen(name)
        )
        identity = "<gmd:fileIdentifier><gco:CharacterString>fiche-1</gco:CharacterString></gmd:fileIdentifier>"
        if "<gmd:MD_DataIdentification>" not in inner:
            inner += (
                "<gmd:identificationInfo><gmd:MD_DataIdentification>"
                "</gmd:MD_DataIdentification></gmd:identificationInfo>"
            )
        title = (
            "<gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>Un jeu de données"
            "</gco:CharacterString></gmd:title></gmd:CI_Citation></gmd:citation>"
        )
        inner = inner.replace(
            "<gmd:MD_DataIdentification>", f"<gmd:MD_DataIdentification>{title}", 1
        )
        return f"<gmd:MD_Metadata {NAMESPACES}>{identity}{inner}</gmd:MD_Metadata>"

    def _chosen(self, name: str) -> bool:
        # A property always contains its type.
        return name[:1].isupper() or self._random.random() < self._chance

    def _element(self, name: str, content: Any, path: str) -> str:
        return f"<gmd:{name}>{self._inside(content, path)}</gmd:{name}>"

    def _inside(self, content: Any, path: str) -> str:
        if isinstance(content, dict):
            chosen = [(name, inner) for name, inner in content.items() if self._chosen(name)]
            return "".join(self._element(name, inner, f"{path}/{name}") for name, inner in chosen)
        if isinstance(content, list):
            kind, value = content
            return f'<gmd:{kind} codeList="x" codeListValue={quoteattr(value)}/>'
        self._number += 1
        word = "".join(self._random.choice(SYLLABLES) for _each in range(4)) + f"{self._number:03d}"
        if content == "day":
            word = f"{1900 + self._number % 100}-0{1 + self._number % 9}-{10 + self._number % 18}"
        self.leaves.append((path, word))
        if content == "address":
            return f"<gmd:URL>https://exemple.fr/{word}</gmd:URL>"
        kind = "Date" if content == "day" else "CharacterString"
        return f"<gco:{kind}>{word}</gco:{kind}>"


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    else:
        yield str(value)


def left_out() -> list[str]:
    """Return the path suffixes of elements ignored on purpose:
    first column of the table on the page of the rules.
    """
    _before, _heading, table = PAGE.read_text(encoding="utf-8").partition(
        "## Elements left out on purpose"
    )
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


@pytest.mark.parametrize("seed", range(DOCUMENTS))
def test_every_text_of_a_random_document_is_in_the_dataset_told_or_left_out_on_purpose(seed):
    making = Making(seed)
    made = normalise(
        read_record(etree.fromstring(making.document())), Context(fallback_organisation="x")
    )
    log = [text for change in made.log for text in change.texts()]
    problems = [text for problem in made.problems for text in problem.params.values()]
    said = "\n".join([*strings(made.dataset), *log, *map(str, problems), *made.unread])
    justified = left_out()
    lost = [f"{path}: {word}" for path, word in making.leaves if word not in said]
    lost = [
        each for each in lost if not any(each.partition(": ")[0].endswith(end) for end in justified)
    ]
    assert not lost


def test_each_element_left_out_on_purpose_is_one_of_iso():
    names = (HERE / "iso_elements.yaml").read_text(encoding="utf-8")
    assert left_out()
    assert all(end.rpartition("/")[2] in names for end in left_out())
