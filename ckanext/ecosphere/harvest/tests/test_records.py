"""Real records of French catalogues; collected only when their folder is beside the checkout."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, Result, normalise
from ckanext.ecosphere.harvest.problems import MESSAGES, RecordError
from ckanext.ecosphere.shared.characters import without_credentials

FALLBACK = "administration-centrale-ou-ministere_172120"
CONTEXT = Context(fallback_organisation=FALLBACK, catalogue_title="Essai", free_tags=True)
EXPECTED = yaml.safe_load((Path(__file__).parent / "expectations.yaml").read_text(encoding="utf-8"))
NOT_XML = {".json", ".jsonld", ".csv", ".tsv", ".ttl"}


FOLDER = Path(__file__).parents[5] / "shared" / "records"


pytestmark = pytest.mark.records


@cache
def results(name: str) -> list[Result]:
    path = FOLDER / name
    return [
        normalise(read_record(element), CONTEXT)
        for element in records_in(parse_xml(path.read_bytes()))
    ]


def files() -> Iterator[Path]:
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path.suffix not in NOT_XML:
            yield path


def ids(vocabulary: str, uris: list[str]) -> list[str]:
    return [voc.get(vocabulary)[uri].id for uri in uris]


def one(vocabulary: str, uri: str | None) -> str | None:
    return voc.get(vocabulary)[uri].id if uri else None


def first_box(dataset) -> list[float]:
    shape = json.loads(next(c["bbox"] for c in dataset["spatial_coverage"] if c.get("bbox")))
    ring = shape["coordinates"][0]
    return [round(side, 3) for side in (ring[0][0], ring[0][1], ring[2][0], ring[2][1])]


def seen(result: Result) -> dict:
    """Reduce a result to the fields of the expectations."""
    dataset = result.dataset
    resources = dataset.get("resources", [])
    owner = dataset.get("owner_org")
    return {
        "type": ids("resource-type", [dataset["dcat_type"]])[0],
        "organisation": None if owner == FALLBACK else owner,
        "territory": ids("territories", dataset.get("territory", [])),
        "how": next((c.before.code for c in result.log if c.rule == "territory"), None),
        "inspire": ids("inspire-theme", dataset.get("inspire_theme", [])),
        "topics": ids("topic-category", dataset.get("topic_category", [])),
        "licence": dataset.get("license_id"),
        "access": one("access-right", dataset.get("access_rights")),
        "limits": ids("access-limitation", dataset.get("access_limitation", [])),
        **{key: dataset.get(key) for key in ("created", "issued", "modified", "metadata_date")},
        "periods": dataset.get("temporal_coverage", []),
        "frequency": one("frequency", dataset.get("frequency")),
        "boxes": sum("bbox" in extent for extent in dataset.get("spatial_coverage", [])),
        "box": first_box(dataset)
        if any("bbox" in c for c in dataset.get("spatial_coverage", []))
        else None,
        "crs": [int(uri.rpartition("/")[2]) for uri in dataset.get("reference_system", [])],
        "scale": dataset.get("scale_denominator"),
        "resolution": dataset.get("spatial_resolution_in_meters"),
        "resources": dict(Counter(resource["resource_role"] for resource in resources)),
        "intranet": sum(resource["network"] == "intranet" for resource in resources),
        "problems": sorted({problem.code for problem in result.problems}),
        "members": len(result.members),
    }


@pytest.mark.parametrize(
    "expected", EXPECTED, ids=lambda e: f"{e['file'].rpartition('/')[2][:50]}-{e.get('index', 0)}"
)
def test_a_real_record_becomes_the_dataset_that_its_xml_says(expected):
    expected = dict(expected)
    result = results(expected.pop("file"))[expected.pop("index", 0)]
    dataset, found = result.dataset, seen(result)
    subsets = {
        "themes": ids("themes", dataset.get("theme", [])),
        "tags": [tag["name"] for tag in dataset.get("tags", [])],
        "formats": [resource.get("format") for resource in dataset.get("resources", [])],
        "layers": [
            name
            for resource in dataset.get("resources", [])
            for name in resource.get("layer_name", [])
        ],
    }
    for key, values in subsets.items():
        assert set(expected.pop(key, [])) <= set(values), (key, values)
    assert not set(expected.pop("not_tags", [])) & set(subsets["tags"])
    for beginning in expected.pop("unread", []):
        assert any(line.startswith(beginning) for line in result.unread), result.unread
    expected["problems"] = sorted(expected["problems"])
    assert {key: found[key] for key in expected} == expected


def test_the_expectations_cover_at_least_forty_records_of_all_origins():
    assert len(EXPECTED) >= 40
    index = (FOLDER / "INDEX.tsv").read_text(encoding="utf-8").splitlines()[1:]
    described = [line.split("\t")[:2] for line in index if not line.startswith("_")]
    origins = {file.partition("/")[0] for file, form in described if "iso" in form.lower()}
    assert len(origins) >= 15
    assert origins - {expected["file"].partition("/")[0] for expected in EXPECTED} == set()


TITLE = "(.//*[local-name()='identificationInfo']//*[local-name()='citation']//*[local-name()='title'])[1]/*[1]"
STAMP = (
    "./*[local-name()='dateStamp'] | .//*[local-name()='dateInfo'][.//*[contains(@codeListValue, 'revision')]]"
    "//*[local-name()='Date' or local-name()='DateTime']"
)
BOX = ".//*[local-name()='identificationInfo']//*[local-name()='EX_GeographicBoundingBox']"
LINKAGE = ".//*[local-name()='distributionInfo']//*[local-name()='linkage']/*/text()"
MAIL = ".//*[local-name()='electronicMailAddress']/*/text()"
NOT_AS_WRITTEN = {
    "cz-multilingual-input.xml": "title",  # which also has a French title
    "bad-dates.xml": "stamp",
}
"""File → field that differs from the XML on purpose."""


def words(element, path: str) -> str:
    """Return the first text found by an XPath in the XML, independently of our readers."""
    found = element.xpath(path)
    return " ".join(" ".join(found[0].itertext()).split()) if found else ""


@pytest.mark.slow("records")
def test_title_day_boxes_links_and_addresses_of_every_record_are_those_of_its_xml():
    """Compared with plain XPath: readers and rules must neither lose nor invent any of these."""
    seen_records = 0
    for path in files():
        try:
            elements = list(records_in(parse_xml(path.read_bytes())))
            made = [normalise(read_record(element), CONTEXT) for element in elements]
        except RecordError:
            continue
        for element, result in zip(elements, made, strict=True):
            dataset, name, but = result.dataset, path.name, NOT_AS_WRITTEN.get(path.name)
            told = [text for change in result.log for text in change.texts()]
            told += [*result.unread, *(str(problem) for problem in result.problems)]
            everything = json.dumps([dataset, told], ensure_ascii=False).lower()
            if title := words(element, TITLE):
                assert dataset["title"] == title or but == "title", name
            assert (dataset.get("metadata_date") or "")[:10] == words(element, STAMP)[
                :10
            ] or but == "stamp", name
            outlined = sum(
                getattr(change.before, "code", "") == "outline-of" for change in result.log
            )
            assert seen(result)["boxes"] == len(element.xpath(BOX)) + outlined, name
            for url in element.xpath(LINKAGE):
                address = without_credentials(url.strip()).lower().partition("?")[0].rstrip("/")
                assert not address.startswith("http") or address in everything, (name, url)
            for mail in element.xpath(MAIL):
                assert "@" not in mail or mail.strip().lower() in everything, name
            seen_records += 1
    assert seen_records >= 85


def test_every_record_gives_a_dataset_or_one_clear_sentence():
    accepted, themed, refused = 0, 0, []
    for path in files():
        try:
            elements = list(records_in(parse_xml(path.read_bytes())))
        except RecordError as error:
            refused.append((path.name, str(error)))
            continue
        for element in elements:
            try:
                result = normalise(read_record(element), CONTEXT)
            except RecordError as error:
                refused.append((path.name, str(error)))
                continue
            accepted += 1
            themed += bool(result.dataset.get("theme"))
            check(result)
    assert accepted >= 85, refused
    assert themed >= 0.9 * accepted
    assert all(sentence and "{" not in sentence for _name, sentence in refused)


def check(result: Result) -> None:
    dataset = result.dataset
    assert dataset["title"].strip()
    assert dataset["owner_org"]
    assert dataset["dcat_type"]
    if any("bbox" in extent for extent in dataset.get("spatial_coverage", [])):
        assert dataset["territory"]
    for problem in result.problems:
        assert str(problem) == MESSAGES[problem.code].format(**problem.params)
    json.dumps(dataset)
