"""Who made the data: the parties of a record in the order of their roles, without persons,
each once.
"""

import pytest

from ckanext.ecosphere.harvest.normalise import Context, Reason
from ckanext.ecosphere.harvest.normalise.contacts import is_person
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.harvest.tests.making import DEFAULT, codes, dataset, result

UNKNOWN = Context(DEFAULT)


def makers(made):
    return [party["name"] for party in made.get("creator", [])]


@pytest.mark.parametrize(
    ("roles", "maker"),
    [
        (["pointOfContact", "custodian", "owner", "originator"], "originator"),
        (["pointOfContact", "custodian", "owner", "author"], "author"),
        (["pointOfContact", "publisher", "custodian", "owner"], "owner"),
        (["distributor", "pointOfContact", "custodian"], "custodian"),
        (["distributor", "pointOfContact"], "pointOfContact"),
        (["user", "distributor"], "distributor"),
    ],
)
def test_the_parties_are_taken_in_the_order_of_the_standard(roles, maker):
    made = dataset(UNKNOWN, contacts=[Contact(f"Organisme {role}", role=role) for role in roles])
    assert makers(made) == [f"Organisme {maker}"]
    assert made["owner_org"] == DEFAULT


def test_a_publisher_stays_the_publisher_and_is_no_creator():
    made = dataset(
        UNKNOWN,
        contacts=[
            Contact("Ville d'Évian", role="publisher"),
            Contact("SIG", role="pointOfContact"),
        ],
    )
    assert makers(made) == []
    assert made["publisher"] == [{"name": "Ville d'Évian"}]


def test_a_deduced_maker_is_told():
    made = result(UNKNOWN, contacts=[Contact("Shom", role="pointOfContact")])
    role = Reason("maker-by-role", {"role": "pointOfContact"})
    assert ("creator", role, "Shom") in [(c.field, c.before, c.after) for c in made.log]


def test_owners_beside_an_author_keep_their_role():
    made = dataset(
        UNKNOWN, contacts=[Contact("Réseau", role="author"), Contact("OFB", role="owner")]
    )
    assert makers(made) == ["Réseau"]
    assert [row["agent"][0]["name"] for row in made["qualified_attribution"]] == ["OFB"]


def test_a_service_recognised_by_its_mailbox_only_is_the_maker():
    made = dataset(
        contacts=[Contact(None, role="pointOfContact", email="sig.ddt-87@haute-vienne.gouv.fr")]
    )
    assert makers(made) == ["DDT 87"]


def test_without_any_organisation_nobody_is_the_maker():
    assert (
        makers(
            dataset(UNKNOWN, contacts=[Contact(None, individual="Camille Exemple", role="author")])
        )
        == []
    )
    assert makers(dataset(UNKNOWN)) == []


@pytest.mark.parametrize(
    ("name", "email", "person"),
    [
        ("Camille EXEMPLE", None, True),
        ("EXEMPLE Camille", None, True),
        ("Mme Exemple", None, True),
        ("Exemple", "camille.exemple@ex.org", True),
        ("Ifremer", "camille.exemple@ifremer.fr", False),
        ("Mairie de Saint-Martin", "mairie.saint-martin@ex.org", False),
        ("Clermont Auvergne Métropole", None, False),
        ("DDT 01", None, False),
        ("Université Claude Bernard Lyon 1", None, False),
        ("Shom", "contact@shom.fr", False),
    ],
)
def test_persons_are_told_from_organisations(name, email, person):
    assert is_person(name, Contact(name, email=email)) is person


def test_a_person_written_as_organisation_is_no_producer():
    parties = [
        Contact("Camille Exemple", role="author"),
        Contact("Laboratoire d'écologie", role="owner"),
    ]
    made = dataset(UNKNOWN, contacts=parties)
    assert makers(made) == ["Laboratoire d'écologie"]
    assert [row["agent"][0]["name"] for row in made["qualified_attribution"]] == ["Camille Exemple"]


def test_a_party_whose_telephone_differs_is_listed_once_and_the_other_number_is_told():
    numbers = ["0102030405", "0102030406", "0102030405"]
    parties = [
        Contact("Shom", role="pointOfContact", email="a@shom.fr", phone=number)
        for number in numbers
    ]
    made = result(UNKNOWN, contacts=parties)
    assert [party["telephone"] for party in made.dataset["contact"]] == ["+33 1 02 03 04 05"]
    assert any("+33 1 02 03 04 06" in row["text"] for row in made.dataset["other_information"])


def test_parties_with_other_mailboxes_stay_apart():
    parties = [
        Contact("Shom", role="pointOfContact", email=f"{name}@shom.fr") for name in ("a", "b")
    ]
    assert len(dataset(UNKNOWN, contacts=parties)["contact"]) == 2


def test_a_record_that_names_only_users_names_an_organisation():
    made = result(UNKNOWN, contacts=[Contact("Institut", role="user")])
    assert "organisation-unknown" in codes(made)
    assert "organisation-missing" not in codes(made)


def test_more_distributors_than_are_kept_are_told():
    made = result(UNKNOWN, distributors=[Contact(f"Centre {n}") for n in range(30)])
    assert ("too-many", "distributor") in {(p.code, p.params.get("element")) for p in made.problems}
