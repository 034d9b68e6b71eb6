"""Real RDF records and the datasets expected from them.

Collected only when their folder is beside the checkout.
"""

from pathlib import Path

import pytest
import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.normalise import Context, normalise

FALLBACK = "administration-centrale-ou-ministere_172120"
FOLDER = Path(__file__).parents[5] / "shared" / "records"
EXPECTED = yaml.safe_load(
    (Path(__file__).parent / "expectations-dcat.yaml").read_text(encoding="utf-8")
)

pytestmark = pytest.mark.records


def graph_of(name: str):
    path = FOLDER / name
    content_type = "text/turtle" if path.suffix == ".ttl" else ""
    return rdf.parse(path.read_bytes(), content_type, 2**25, "https://records.example.org/")


def seen(dataset: dict) -> dict:
    """Reduce a dataset to the fields of the expectations."""
    owner = dataset["owner_org"]
    return {
        "title": dataset["title"],
        "type": voc.get("resource-type")[dataset["dcat_type"]].id,
        **{key: dataset.get(key) for key in ("issued", "modified", "metadata_date")},
        "licence": dataset.get("license_id"),
        "access": dataset.get("access_rights", "").rpartition("/")[2],
        "frequency": dataset.get("frequency", "").rpartition("/")[2],
        "organisation": None if owner == FALLBACK else owner,
        "territory": [voc.get("territories")[uri].id for uri in dataset.get("territory", [])],
        "crs": [int(uri.rpartition("/")[2]) for uri in dataset.get("reference_system", [])],
        "resources": len(dataset.get("resources", [])),
        "identifier": dataset.get("metadata_identifier"),
        "email": next((contact.get("email") for contact in dataset.get("contact", [])), None),
    }


@pytest.mark.parametrize(
    "expected", EXPECTED, ids=lambda each: each["file"].rpartition("/")[2][:40]
)
def test_a_real_rdf_record_becomes_the_dataset_that_it_says(expected):
    expected = dict(expected)
    graph = graph_of(expected.pop("file"))
    subject = rdf.datasets(graph)[expected.pop("index", 0)]
    record = read_dataset(*rdf.from_text(rdf.as_text(rdf.around(graph, subject), subject)))
    found = seen(normalise(record, Context(fallback_organisation=FALLBACK, free_tags=True)).dataset)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.slow("records")
def test_every_rdf_record_gives_a_dataset(with_plugins):
    """Includes the profiles of ckanext-dcat, as in the harvest."""
    from ckanext.ecosphere.harvest.sources.dcat import DcatSource

    harvester, number = object.__new__(DcatSource), 0
    for path in sorted(FOLDER.rglob("*")):
        start = (
            path.read_bytes()[:20_000]
            if path.suffix in {".rdf", ".ttl", ".jsonld", ".xml"}
            else b""
        )
        if b"ns/dcat#" not in start or b"GetRecordsResponse" in start:
            continue
        graph = graph_of(str(path.relative_to(FOLDER)))
        for subject in rdf.datasets(graph):
            record = harvester.read(rdf.as_text(rdf.around(graph, subject), subject))
            assert normalise(record, Context(fallback_organisation=FALLBACK)).dataset["title"]
            number += 1
    assert number > 20
