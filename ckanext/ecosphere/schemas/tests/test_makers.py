"""Who made a dataset, and whether that is the service that publishes it here."""

import pytest

from ckanext.ecosphere.shared import contact_details

SOMME = {"name": "ddt-80021-01", "title": "DDTM 80"}
READ = {"source_catalogue": "Géocatalogue", "organization": SOMME}


@pytest.mark.parametrize(
    "name",
    [
        "DDTM 80",
        "DDTM80",
        "ddtm 80",
        "DDTM de la Somme",
        "DIRECTION DÉPARTEMENTALE DES TERRITOIRES ET DE LA MER DE LA SOMME",
        "DDTM 80 (Direction Départementale des Territoires et de la Mer de la Somme)",
    ],
)
def test_a_service_is_recognised_under_its_names(name):
    made = contact_details.makers_of({**READ, "creator": [{"name": name}]})
    assert made == contact_details.Makers((name,), (), True)


@pytest.mark.parametrize(
    "name", ["DDTM 62", "IGN", "Somme Numérique", "DDTM", "Direction départementale de la Somme"]
)
def test_another_name_is_another_maker(name):
    assert contact_details.makers_of(
        {**READ, "creator": [{"name": name}]}
    ) == contact_details.Makers((name,), (name,), False)


def test_creators_go_before_publishers_and_each_is_named_once():
    rows = {
        "creator": [{"name": "IGN"}, {"name": "IGN"}, {"email": "a@b.fr"}],
        "publisher": [{"name": "Geo"}],
    }
    assert contact_details.makers_of({**READ, **rows}).names == ("IGN",)
    assert contact_details.makers_of({**READ, **rows, "creator": []}).names == ("Geo",)


def test_a_service_that_wrote_a_dataset_here_made_it_and_one_that_only_harvests_did_not():
    assert contact_details.makers_of({"organization": SOMME}) == contact_details.Makers(
        ("DDTM 80",), (), True
    )
    assert contact_details.makers_of(
        {"organization": SOMME, "publisher": [{"name": "Geo"}]}
    ).names == ("DDTM 80",)
    assert contact_details.makers_of(READ) == contact_details.Makers((), (), False)
    assert contact_details.makers_of({}) == contact_details.Makers((), (), True)
