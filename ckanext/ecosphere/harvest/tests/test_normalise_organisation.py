"""Rules for the organisation: found in the registry under any of its names,
else that of the source; never invented.
"""

import pytest

from ckanext.ecosphere.harvest.normalise import Context
from ckanext.ecosphere.harvest.normalise.contacts import match, match_email
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.harvest.tests.making import DEFAULT, FALLBACK, codes, result


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("DDT 01", "ddt-01053-01"),
        ("DDT01", "ddt-01053-01"),
        (
            "DREAL 72 (Direction Régionale de l'Environnement, de l'Aménagement et du Logement de la Sarthe)",
            "dreal-44109-01",
        ),
        ("UT DREAL 61 (Unité Territoriale de l'Orne)", "dreal-76540-01"),
        ("DREAL NA / SRNH", "dreal-86194-01"),
        ("UD93 (Unité départementale de Seine-Saint-Denis)", "driea_ut-93008-01"),
        ("UDEA94 (Unité départementale du Val de Marne)", "driea_ut-94028-01"),
        ("DRIEA-IF/UTEA92", "driea-75115-01"),
        ("MEDDE/CGDD/SOeS", "administration-centrale-ou-ministere_178624"),
        ("SCHAPI", "administration-centrale-ou-ministere_172153"),
        ("ddt-01", "ddt-01053-01"),
        ("DDT de l'Ain", "ddt-01053-01"),
        ("DDT 01 (Direction Départementale des Territoires de l'Ain)", "ddt-01053-01"),
        ("Direction départementale des territoires de l’Ain", "ddt-01053-01"),
        ("DIRECTION DEPARTEMENTALE DES TERRITOIRES DE L'AIN - SERVICE URBANISME", "ddt-01053-01"),
        ("DDT88", "ddt-88160-01"),
        ("DDT n° 24", "ddt-24322-01"),
        ("DDT de l'Ain, 23 rue de la Poste", "ddt-01053-01"),
        ("DDT du Lot - 12 place de la Mairie", "ddt-46042-01"),
        ("DDT - Ain (01)", "ddt-01053-01"),
        ("DDTM80", "ddt-80021-01"),
        (
            "DDTM 80 (Direction Départementale des Territoires et de la Mer de la Somme)",
            "ddt-80021-01",
        ),
        ("DDT de la Somme", "ddt-80021-01"),
        ("DDT de la Haute-Vienne", "ddt-87085-01"),
        ("DDT de Haute-Garonne / SIG", "ddt-31555-01"),
        ("DDTM du Nord", "ddt-59350-01"),
        ("DDT du Lot", "ddt-46042-01"),
        ("DDT du Lot-et-Garonne", "ddt-47001-01"),
        ("DDT de la Loire", "ddt-42218-01"),
        ("DDTM de Loire-Atlantique", "ddt-44109-01"),
        ("DDT de la Haute-Loire", "ddt-43157-01"),
        ("DDTM 2A", "ddt-2a004-01"),
        ("DDTM de Corse-du-Sud", "ddt-2a004-01"),
        ("DDE 24", "ddt-24322-01"),
        ("DDEA de l'Aube", "ddt-10387-01"),
        ("DREAL Bretagne", "dreal-35238-01"),
        ("DREAL de Bretagne - SPN", "dreal-35238-01"),
        ("DREAL Picardie", "dreal-59350-01"),
        ("DREAL Nord-Pas-de-Calais", "dreal-59350-01"),
        ("DREAL Languedoc-Roussillon", "dreal-31555-01"),
        ("DREAL PACA", "dreal-13202-01"),
        ("DREAL Alsace-Champagne-Ardenne-Lorraine", "dreal-57463-01"),
        ("DREAL AURA", "dreal-69386-01"),
        ("DREAL Pays de la Loire", "dreal-44109-01"),
        ("DREAL Centre", "dreal-45234-01"),
        (
            "Direction régionale de l'environnement, de l'aménagement et du logement Normandie",
            "dreal-76540-01",
        ),
        ("DIREN Auvergne", "dreal-69386-01"),
        ("DEAL Guadeloupe", "dreal_ut-97105-01"),
        ("DEAL de La Réunion", "dreal_ut-97411-01"),
        ("DEAL 976", "dreal_ut-97611-01"),
        ("DRIEE Île-de-France", "driea-75115-01"),
        ("DRIEAT", "driea-75115-01"),
        ("DIRM NAMO", "dir_mer-44109-01"),
        ("DIRM Méditerranée", "dir_mer-13202-01"),
        ("DIR Est", "did_routes-54395-01"),
        ("SDES", "administration-centrale-ou-ministere_178624"),
        ("CGDD/SDES", "administration-centrale-ou-ministere_178624"),
        ("DTAM Saint-Pierre-et-Miquelon", "dtam-97502-01"),
        ("DREALBretagne", "dreal-35238-01"),
        ("DREALMP", "dreal-31555-01"),
        ("DREAL RA / unité géomatique", "dreal-69386-01"),
        ("DREAL Champ.Ard.", "dreal-57463-01"),
        (
            "Direction régionale del'environnement, de l'aménagementet du logement dela Corse",
            "dreal-2a004-01",
        ),
        ("Direction départementaledes territoires de lasavoie", "ddt-73065-01"),
        ("ddtdesvosges", "ddt-88160-01"),
        ("ddtm14 servicemer", "ddt-14118-01"),
    ],
)
def test_a_service_is_found_under_any_of_its_names(name, service):
    found = match(name)
    assert found is not None
    assert found.id == service


@pytest.mark.parametrize(
    "name",
    [
        "DREAL",
        "DDT",
        "DDTM 99",
        "Mairie de Comps",
        "Région Picardie",
        "Conseil départemental de l'Ain",
        "IGN",
        "Office français de la biodiversité",
        "Communauté de communes du Nord",
        "Est Ensemble",
        "Jean Dupont",
        "Helpdesk carto du SPW",
        "DRAAF Bretagne",
        "DREAL, 93 rue de la Poste",
        "Agence de l'eau Seine-Normandie - Unité territoriale Paris",
        "UD 62",
        "DDT laboratoire",
        "DDT service du Lotissement",
        "ddtlotissement",
        "",
        "x" * 10_000,
    ],
)
def test_another_name_is_no_service(name):
    assert match(name) is None


@pytest.mark.parametrize(
    ("email", "service"),
    [
        ("sig.ddt-87@haute-vienne.gouv.fr", "ddt-87085-01"),
        ("ddtm-80@somme.gouv.fr", "ddt-80021-01"),
        ("ddt@ain.gouv.fr", "ddt-01053-01"),
        ("donnees.dreal-bretagne@developpement-durable.gouv.fr", "dreal-35238-01"),
        ("ddt-87@example.com", None),
        ("prenom.nom@example.gouv.fr", None),
        ("", None),
    ],
)
def test_an_address_of_the_state_names_its_service(email, service):
    found = match_email(email)
    assert (found.id if found else None) == service


def test_the_first_party_that_is_a_service_counts_in_the_order_of_roles():
    made = result(
        contacts=[
            Contact("DDT 01", role="user"),
            Contact("DREAL Bretagne", role="custodian"),
            Contact("Mairie de Comps", role="owner"),
        ],
        metadata_contacts=[Contact("DDTM 80", role="pointOfContact")],
    )
    assert made.dataset["owner_org"] == "dreal-35238-01"
    assert [c.before for c in made.log if c.rule == "organisation"] == ["DREAL Bretagne"]


def test_roles_in_words_count_like_codes():
    parties = [Contact("DDT 01", role="Utilisateur"), Contact("DDTM 80", role="Éditeur")]
    made = result(contacts=[*parties, Contact("DREAL Bretagne", role="Propriétaire")])
    assert made.dataset["owner_org"] == "dreal-35238-01"


def test_the_contact_of_the_record_counts_when_nobody_else_is_known():
    made = result(
        contacts=[Contact("Mairie", role="owner")], metadata_contacts=[Contact("DDTM 80")]
    )
    assert made.dataset["owner_org"] == DEFAULT


def test_an_unknown_organisation_takes_the_service_of_the_source_and_is_reported():
    made = result(Context(DEFAULT, FALLBACK), contacts=[Contact("Mairie de Comps", role="owner")])
    assert made.organisation == made.dataset["owner_org"] == DEFAULT
    assert [str(p) for p in made.problems if p.code == "organisation-unknown"] == [
        "No service of the registry is called: Mairie de Comps"
    ]
    assert result(Context(None, FALLBACK), contacts=[Contact("x y")]).organisation == FALLBACK


def test_the_name_of_a_person_as_organisation_is_overcome_by_the_address():
    made = result(
        contacts=[
            Contact(
                "Camille EXEMPLE", role="pointOfContact", email="sig.ddt-87@haute-vienne.gouv.fr"
            )
        ]
    )
    assert made.organisation == "ddt-87085-01"


def test_a_record_without_parties_says_so():
    assert codes(result()) >= {"organisation-missing", "no-contact"}


def test_a_service_that_the_portal_has_not_is_not_used():
    context = Context(DEFAULT, FALLBACK, organisations=frozenset({DEFAULT}))
    assert result(context, contacts=[Contact("DDT 01", role="owner")]).organisation == DEFAULT
