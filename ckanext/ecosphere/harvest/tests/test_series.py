"""Series that list their datasets (`lots` of GéoIDE):
linked in whichever order the records are imported.
"""

from ckanext.ecosphere.harvest import reconcile
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record

LOT = "fr-120066022-ldd-00000009"
MEMBER = """<gmd:aggregationInfo><gmd:MD_AggregateInformation><gmd:aggregateDataSetIdentifier><gmd:MD_Identifier>
<gmd:code><gco:CharacterString>{}</gco:CharacterString></gmd:code></gmd:MD_Identifier></gmd:aggregateDataSetIdentifier>
<gmd:associationType><gmd:DS_AssociationTypeCode codeListValue="partOfSeamlessDatabase"/></gmd:associationType>
</gmd:MD_AggregateInformation></gmd:aggregationInfo>"""


def lot(*numbers: int) -> str:
    members = "".join(MEMBER.format(f"fr-120066022-jdd-{number:08d}") for number in numbers)
    record = iso_record(9, identifier=LOT, title="Lot de PPR")
    return record.replace("</gmd:MD_DataIdentification>", members + "</gmd:MD_DataIdentification>")


def series_of(portal) -> dict[str, list[str]]:
    return {title: dataset.get("in_series") or [] for title, dataset in portal.datasets().items()}


def test_the_members_of_a_lot_are_part_of_it_whichever_came_first(portal):
    with catalogue([iso_record(1), lot(1, 2), iso_record(2), iso_record(3)]) as server:
        source = portal.source(server.url, config={"page_size": 1})
        assert portal.harvest(source) == {"added": 4}
        assert series_of(portal) == {
            "Jeu de données 1": [LOT],
            "Jeu de données 2": [LOT],
            "Jeu de données 3": [],
            "Lot de PPR": [],
        }
        report = portal.state(source)["facts"]["report"]
        assert all(number <= 4 for _element, number, *_example in report["unread"])
        assert portal.harvest(source) == {"not modified": 4}


def test_a_dataset_that_joins_a_lot_later_is_part_of_it_from_then_on(portal):
    with catalogue([iso_record(1), lot(), iso_record(2)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        assert series_of(portal)["Jeu de données 2"] == []
        server.records[1] = lot(2)
        portal.harvest(source)
        assert series_of(portal)["Jeu de données 2"] == [LOT]
        assert portal.harvest(source) == {"not modified": 3}
        found = portal.call("package_search", fq=f'vocab_ecosphere_in_series:"{LOT}"')["results"]
        assert [each["title"] for each in found] == ["Jeu de données 2"]


def test_members_are_imported_once_when_their_lot_is_read_before_they_are_imported(
    portal, monkeypatch
):
    again: list[tuple[str, str]] = []
    monkeypatch.setattr(reconcile, "import_kept", again.extend)
    with catalogue([iso_record(1), lot(1, 2), iso_record(2)]) as server:
        portal.harvest(portal.source(server.url))
    assert series_of(portal) == {
        "Jeu de données 1": [LOT],
        "Jeu de données 2": [LOT],
        "Lot de PPR": [],
    }
    assert again == []
