"""Rules for licence, access constraints and use conditions, from codes, anchors and free text."""

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.constraints import (
    licence_of_text,
    licence_of_url,
    limits_of_text,
)
from ckanext.ecosphere.harvest.record import Constraint, Keyword, Link, Term
from ckanext.ecosphere.harvest.tests.making import codes, dataset, ids, result

LIMITS = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/"


def use(
    *texts, use_codes=("license",), other=(), access_codes=("otherRestrictions",)
) -> list[Constraint]:
    return [
        Constraint(
            "legal",
            use_limitations=[t if isinstance(t, Term) else Term(t) for t in texts],
            use_codes=list(use_codes),
            access_codes=list(access_codes),
            other=[t if isinstance(t, Term) else Term(t) for t in other],
        )
    ]


def access(made) -> str | None:
    found = made.get("access_rights")
    return ids("access-right", [found])[0] if found else None


@pytest.mark.parametrize(
    ("text", "licence", "certain"),
    [
        ("Licence Ouverte 2.0", "etalab-2.0", True),
        (
            "Licence Ouverte / Open Licence Version 2.0 https://www.etalab.gouv.fr/x.pdf",
            "etalab-2.0",
            True,
        ),
        (
            "Licence Ouverte (version 2.0 d'avril 2017), définie par la mission Etalab.",
            "etalab-2.0",
            True,
        ),
        ("Licence Ouverte v2.0 (Etalab)", "etalab-2.0", True),
        ("licence etalab 2", "etalab-2.0", True),
        ("LO/OL 2.0", "etalab-2.0", True),
        ("LO-OL Licence v2", "etalab-2.0", True),
        (
            "Licence Ouverte 1.0 http://www.data.gouv.fr/Licence-Ouverte-Open-Licence.",
            "etalab-1.0",
            True,
        ),
        ("Licence ouverte", "etalab", False),
        ("Open Licence", "etalab", False),
        ("Licence ODbL 1.0", "odc-odbl", True),
        ("Licence OdBL http://www.openstreetmap.org/copyright/fr", "odc-odbl", True),
        ("CC-BY-SA 4.0", "cc-by-sa", True),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd", True),
        ("CC BY-NC-ND", "cc-by-nc-nd-unversioned", False),
        ("Creative Commons BY-SA", "cc-by-sa-unversioned", False),
        ("CC0", "cc-zero", True),
        ("Tous droits réservés", "other-closed", False),
        ("Utilisation libre sous réserve de mentionner la source", "other-at", False),
        ("Licence Ouverte / Open License (compatible ODC-BY, CC-BY 2.0)", "etalab", False),
        ("CC BY 3.0 FR", "other-at", True),
        ("Licence Creative Commons CC-BY-SA 2.0", "other-open", True),
        ("Conditions inconnues.", None, False),
        ("", None, False),
    ],
)
def test_a_licence_is_read_in_free_text_with_its_version_or_without(text, licence, certain):
    assert licence_of_text(text) == (licence, certain)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Creative Commons - Attribution - Pas de modification 4.0", "cc-by-nd"),
        ("Creative Commons Attribution-NoDerivatives 4.0 International License", "cc-by-nd"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "cc-nc"),
        ("Creative Commons Attribution 4.0 - Pas d'utilisation commerciale", "cc-nc"),
        ("Creative Commons Attribution - NonCommercial - ShareAlike 4.0", "cc-by-nc-sa"),
        (
            "Creative Commons Attribution - Pas d'Utilisation Commerciale - Partage dans les Mêmes Conditions 4.0",
            "cc-by-nc-sa",
        ),
        (
            "Creative Commons Attribution - Pas d’Utilisation Commerciale - Pas de Modification 4.0 International",
            "cc-by-nc-nd",
        ),
        ("Creative Commons Paternité - Pas d'utilisation commerciale 2.0 France", "other-nc"),
        ("Creative Commons 3.0 BY-NC", "other-nc"),
        ("Creative Commons Attribution - Pas de modification 3.0", "other-closed"),
        ("Creative Commons Attribution - Pas de modification", "cc-by-nd-unversioned"),
        ("Creative Commons Attribution - Pas d'utilisation commerciale", "cc-by-nc-unversioned"),
        ("Creative Commons Attribution - NonCommercial - ShareAlike", "cc-by-nc-sa-unversioned"),
        ("https://creativecommons.org/licenses/by-nc-sa/", "cc-by-nc-sa-unversioned"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/deed.fr", "cc-by-nc-sa"),
    ],
)
def test_a_creative_commons_licence_that_keeps_something_back_is_never_an_open_one(text, licence):
    made = dataset(constraints=use(text))
    assert (made["license_id"], access(made)) == (licence, None)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Creative Commons Attribution - Partage à l'identique 4.0", "cc-by-sa"),
        ("CC BY version 4.0", "cc-by"),
        ("CC BY 4.0. Pas de modification prévue en 2025", "cc-by"),
        ("CC BY, utilisation commerciale autorisée", "cc-by-unversioned"),
    ],
)
def test_an_open_creative_commons_licence_stays_one(text, licence):
    made = dataset(constraints=use(text))
    assert (made["license_id"], access(made)) == (licence, "PUBLIC")


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Format compatible avec tous les SIG. Données sous Licence Ouverte 2.0", "etalab-2.0"),
        ("Fichier compatible QGIS, licence ODbL", "odc-odbl"),
        ("Licence Ouverte 2.0 compatible avec la licence CC BY-SA 2.0", "etalab-2.0"),
        ("Licence Ouverte (compatible avec toute licence libre, dont CC-BY 2.0)", "etalab"),
    ],
)
def test_only_what_a_licence_is_compatible_with_is_not_the_licence(text, licence):
    assert licence_of_text(text)[0] == licence


@pytest.mark.parametrize(
    "text",
    [
        "Ces données ne sont pas diffusées sous Licence Ouverte",
        "Ces données ne sont pas, à ce jour, diffusées sous Licence Ouverte 2.0.",
        "Ces données ne sont plus disponibles sous licence ODbL",
        "Ne relève pas de la licence ODbL",
        "Données non libres, pas de Licence Ouverte Etalab 2.0",
        "Pas de licence ouverte",
        "Hors licence ouverte",
        "Données internes, hors licence ouverte 2.0 (usage restreint)",
        "Diffusion selon convention, sauf Licence Ouverte",
        "Données sans licence ouverte",
        "Aucune licence",
        "Aucune licence ouverte",
        "Données non diffusées sous licence ouverte (https://www.etalab.gouv.fr/licence-ouverte-open-licence)",
        "La réutilisation sous licence CC-BY n'est pas autorisée",
        "La réutilisation sous licence CC-BY-SA 4.0 est interdite",
        "Licence Ouverte : non applicable",
        "Licence Ouverte 2.0 (Etalab) n'est pas applicable",
        "Not released under CC BY",
        "These data are not available under the Open Database License",
        "CC BY 4.0 does not apply",
        "not released under CC BY 3.0",
    ],
)
def test_a_licence_that_a_text_denies_is_none_and_the_text_is_kept(text):
    made = dataset(constraints=use(text))
    assert "license_id" not in made
    assert access(made) != "PUBLIC"
    assert made["use_conditions"] == text


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Licence Ouverte. Ne pas utiliser à l'échelle parcellaire", "etalab"),
        ("Licence Ouverte 2.0, ne pas utiliser à l'échelle parcellaire", "etalab-2.0"),
        ("Ne pas utiliser à l'échelle parcellaire. Licence Ouverte 2.0", "etalab-2.0"),
        ("L'usage n'engage pas la responsabilité du producteur, Licence Ouverte 2.0", "etalab-2.0"),
        (
            "L'usage n'engage pas la responsabilité du producteur sous Licence Ouverte 2.0",
            "etalab-2.0",
        ),
        ("Pas de restriction d'accès public selon la Licence Ouverte 2.0", "etalab-2.0"),
        ("Restrictions : aucune, Licence Ouverte 2.0", "etalab-2.0"),
        ("Restrictions : aucune - Licence Ouverte 2.0", "etalab-2.0"),
        ("Aucune (Licence Ouverte 2.0)", "etalab-2.0"),
        ("Aucune condition ne s'applique autre que la licence ODbL", "odc-odbl"),
        ("Ne peuvent être réutilisées que sous licence ODbL", "odc-odbl"),
        ("Ne remet pas en cause la licence ODbL", "odc-odbl"),
        ("Ne remplace pas la licence ODbL", "odc-odbl"),
        ("Pas de diffusion avant 2020. De plus, sous licence ODbL", "odc-odbl"),
        ("De plus sous licence ODbL", "odc-odbl"),
        ("Hors licence ODbL, les données sont diffusées sous Licence Ouverte 2.0", "etalab-2.0"),
        (
            "Les données antérieures ne sont pas diffusées sous Licence Ouverte. Les autres : CC BY 4.0",
            "cc-by",
        ),
        ("Licence ODbL : l'usage commercial n'est pas interdit", "odc-odbl"),
    ],
)
def test_a_negation_of_something_else_leaves_the_licence(text, licence):
    assert dataset(constraints=use(text))["license_id"] == licence


def test_an_anchor_of_a_licence_that_its_text_denies_gives_none():
    term = Term(
        "Ces données ne sont pas diffusées sous Licence Ouverte",
        "http://spdx.org/licenses/etalab-2.0",
    )
    assert "license_id" not in dataset(constraints=use(term))


@pytest.mark.parametrize(
    ("url", "licence"),
    [
        (
            "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf",
            "etalab-2.0",
        ),
        ("http://www.etalab.gouv.fr/licence-ouverte-open-licence", "etalab-2.0"),
        ("http://www.data.gouv.fr/Licence-Ouverte-Open-Licence.", "etalab-1.0"),
        ("http://vvlibri.org/fr/licence/odbl/10/fr", "odc-odbl"),
        ("https://creativecommons.org/licenses/by/4.0/", "cc-by"),
        ("http://spdx.org/licenses/etalab-2.0", "etalab-2.0"),
        ("https://example.com/conditions", None),
    ],
)
def test_a_licence_is_known_by_its_address(url, licence):
    assert licence_of_url(url) == licence


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("Pas de restriction d'accès public selon INSPIRE", ["noLimitations"]),
        ("Pas de restriction d’accès public", ["noLimitations"]),
        ("Pas de restriction d’accès publique", ["noLimitations"]),
        ("pas de restrictions concernant l'accès public", ["noLimitations"]),
        ("Aucune restriction publique d’accès", ["noLimitations"]),
        ("Données communicables au public sans restriction.", ["noLimitations"]),
        ("Données ouvertes à tous, sans aucune restriction", ["noLimitations"]),
        ("Données accessibles sans restriction en interne", []),
        ("Données ouvertes sans limitation de durée", []),
        ("Les données ne sont pas accessibles sans restriction", []),
        ("Données accessibles au public sans restriction, sauf les zones militaires", []),
        ("No limitations to public access", ["noLimitations"]),
        ("No limitations on public access", ["noLimitations"]),
        (
            "Aucun des articles de la loi ne peut être invoqué pour justifier d'une restriction d'accès public.",
            ["noLimitations"],
        ),
        (
            "L124-4-I-1 du code de l'environnement (Directive 2007/2/CE (INSPIRE), Article 13.1.d)",
            ["INSPIRE_Directive_Article13_1d"],
        ),
        ("article 13(1)(f) de la directive", ["INSPIRE_Directive_Article13_1f"]),
        ("CRPA, L311-5 2°d", ["L311-5-2-d"]),
        ("Article L. 311-6 du CRPA : protection de la vie privée", ["L311-6-1-vp"]),
        ("Informations non opposables au tiers.", []),
    ],
)
def test_limits_on_access_are_read_in_free_text(text, limits):
    assert limits_of_text(text) == limits


def test_the_usual_record_of_geo_ide_is_open():
    made = dataset(
        constraints=use(
            "Licence Ouverte 1.0 http://www.data.gouv.fr/Licence-Ouverte-Open-Licence.",
            "Aucun des articles de la loi ne peut être invoqué pour justifier d'une restriction d'accès public.",
            "Mentionner la DDTM et la date de mise à jour",
            other=["Pas de restriction d'accès public selon INSPIRE"],
        )
    )
    assert made["license_id"] == "etalab-1.0"
    assert access(made) == "PUBLIC"
    assert made["access_limitation"] == [f"{LIMITS}noLimitations"]
    assert made["use_conditions"] == "Mentionner la DDTM et la date de mise à jour"


def test_a_licence_that_asks_for_something_keeps_its_text_too():
    made = dataset(
        constraints=use("Utilisation libre sous réserve de citer la source. Licence Ouverte 2.0")
    )
    assert made["license_id"] == "etalab-2.0"
    assert made["use_conditions"].startswith("Utilisation libre sous réserve")


def test_a_version_that_is_named_wins_over_one_that_is_not():
    assert (
        dataset(constraints=use("etalab", "Licence Ouverte v2.0 (Etalab)"))["license_id"]
        == "etalab-2.0"
    )


def test_several_licences_are_reported():
    made = result(constraints=use("Licence Ouverte 2.0", "Licence ODbL 1.0"))
    assert made.dataset["license_id"] == "etalab-2.0"
    assert codes(made) >= {"licences-differ"}


def test_an_anchor_gives_its_address_and_a_contradiction_is_reported():
    made = result(
        constraints=use(
            Term("Licence Ouverte 1.0", "https://www.etalab.gouv.fr/licence-ouverte-open-licence")
        )
    )
    assert made.dataset["license_id"] == "etalab-2.0"
    assert codes(made) >= {"anchor-contradiction"}
    assert (
        dataset(constraints=use(Term("", "http://vvlibri.org/fr/licence/odbl/10/fr")))["license_id"]
        == "odc-odbl"
    )


def test_when_text_and_address_of_a_limit_contradict_each_other_the_limit_counts():
    term = Term("Pas de restriction d'accès public", f"{LIMITS}INSPIRE_Directive_Article13_1f")
    made = result(constraints=use(other=[term]))
    assert access(made.dataset) == "RESTRICTED"
    assert ids("access-limitation", made.dataset["access_limitation"]) == [
        "INSPIRE_Directive_Article13_1f"
    ]
    assert codes(made) >= {"anchor-contradiction"}


def test_a_ground_and_its_denial_are_reported_and_the_ground_counts():
    made = result(constraints=use("Pas de restriction d'accès public", other=["Article 13.1.d"]))
    assert access(made.dataset) == "RESTRICTED"
    assert codes(made) >= {"access-contradiction"}
    assert made.dataset["access_conditions"] == "Article 13.1.d"


def test_what_may_not_be_disclosed_is_not_public():
    assert (
        access(dataset(constraints=use(other=["Non communicable - CRPA, L311-5 2°d"])))
        == "NON_PUBLIC"
    )


@pytest.mark.parametrize(
    ("classification", "right"),
    [
        ("unclassified", None),
        ("restricted", "RESTRICTED"),
        ("secret", "NON_PUBLIC"),
        ("confidential", "CONFIDENTIAL"),
    ],
)
def test_a_classification_counts(classification, right):
    assert (
        access(dataset(constraints=[Constraint("security", classification=classification)]))
        == right
    )


def test_the_strictest_code_counts():
    made = dataset(
        constraints=[
            Constraint("legal", access_codes=["unrestricted"]),
            Constraint("security", classification="restricted"),
        ]
    )
    assert access(made) == "RESTRICTED"


def test_an_open_licence_makes_public_and_so_does_the_open_data_flag():
    assert access(dataset(constraints=use("Licence Ouverte 2.0"))) == "PUBLIC"
    made = dataset(keywords=[Keyword("données ouvertes")])
    assert access(made) == "PUBLIC"
    assert "license_id" not in made
    assert (
        access(
            dataset(
                keywords=[Keyword("données ouvertes")], constraints=use(other=["Article 13.1.d"])
            )
        )
        == "RESTRICTED"
    )


def test_a_licence_without_text_is_reported():
    assert codes(result(constraints=[Constraint("legal", use_codes=["license"])])) >= {
        "licence-without-text"
    }


def test_other_constraints_of_an_access_block_are_conditions_of_access():
    made = dataset(constraints=use(other=["Sur demande écrite"], use_codes=()))
    assert made["access_conditions"] == "Sur demande écrite"
    assert "use_conditions" not in made


def test_codes_without_a_field_are_told():
    made = result(
        constraints=[Constraint("legal", access_codes=["copyright", "otherRestrictions"])]
    )
    assert "MD_RestrictionCode: copyright" in made.unread


# --- words that restrict access ------------------------------------------------------------------


def both(text, beside="Licence Ouverte 2.0"):
    """Return the result of a record whose access block contains `text`,
    and whose use block contains `beside`.
    """
    return result(
        constraints=[
            Constraint("legal", access_codes=["otherRestrictions"], other=[Term(text)]),
            Constraint("legal", use_codes=["otherRestrictions"], other=[Term(beside)]),
        ]
    )


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Document confidentiel", "CONFIDENTIAL"),
        ("Secret défense", "CONFIDENTIAL"),
        ("Données confidentielles – usage interne uniquement", "CONFIDENTIAL"),
        ("Données sensibles", "SENSITIVE"),
        ("Réservé aux agents de l'Etat", "RESTRICTED"),
        ("Accès aux seuls services de l'État", "RESTRICTED"),
        ("Données accessibles uniquement aux services de l'État", "RESTRICTED"),
        ("Données non publiques", "RESTRICTED"),
        ("Données pas en libre accès", "RESTRICTED"),
        ("Accès soumis à autorisation", "RESTRICTED"),
        (
            "La diffusion de ces données est soumise à l'accord préalable du producteur",
            "RESTRICTED",
        ),
        ("Accès sur demande motivée", "RESTRICTED"),
        ("Accès par authentification", "RESTRICTED"),
        ("Diffusion interne uniquement", "RESTRICTED"),
        ("utilisation interne", "RESTRICTED"),
        ("Intranet seulement", "RESTRICTED"),
        ("Diffusion soumise à convention", "RESTRICTED"),
        ("Diffusion non autorisée", "RESTRICTED"),
        ("Ces données ne doivent pas être diffusées", "RESTRICTED"),
        ("Donnée soumise au secret statistique", "RESTRICTED"),
        ("For official use only", "RESTRICTED"),
        ("Communication aux tiers interdite", "RESTRICTED"),
        ("Pas de diffusion au public", "RESTRICTED"),
        ("Données non ouvertes", "RESTRICTED"),
        ("Convention nécessaire", "RESTRICTED"),
        ("Restricted", "RESTRICTED"),
        ("Données disponibles sur demande", None),
        ("Données nominatives", None),
        ("Usage soumis à convention", None),
        ("article 13, paragraphe 1 de la directive INSPIRE", None),
    ],
)
def test_words_that_reserve_the_access_win_over_an_open_licence(text, right):
    made = both(text).dataset
    assert (access(made), made["license_id"], made["access_conditions"]) == (
        right,
        "etalab-2.0",
        text,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Il n'y a pas d'accès restreint à ces données",
        "Ces données ne sont pas à diffusion restreinte",
        "Ce document n'est pas confidentiel",
        "Données non confidentielles",
        "Aucune donnée confidentielle",
        "Diffusion restreinte : non",
        "Les données confidentielles ont été retirées",
        "L'accès n'est soumis à aucune autorisation",
        "Mise à disposition sur simple demande",
        "Toute diffusion commerciale est interdite",
        "Utilisation interne et commerciale autorisée",
        "Droit d'utiliser les données pour son usage interne",
        "Disponible seulement par service WMS",
        "L’utilisation en interne des fichiers n’est soumise à aucune restriction",
        "Téléchargement limité à 5000 entités",
        "Aucune convention nécessaire",
        "Pas d'accès public restreint",
        "Le secret statistique est respecté",
        "Données floutées pour des raisons de confidentialité",
    ],
)
def test_words_that_are_denied_or_harmless_reserve_nothing(text):
    assert access(both(text).dataset) == "PUBLIC"


@pytest.mark.parametrize(
    "text", ["La consultation est limitée à l'échelle 1/25 000", "Diffusion limitée au 1/25 000"]
)
def test_a_scale_is_a_condition_of_use(text):
    made = both(text).dataset
    assert (access(made), made["use_conditions"], made.get("access_conditions")) == (
        "PUBLIC",
        text,
        None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Aucune restriction légale d'accès",
        "sans restriction d'accès public",
        "Aucune restriction particulière d'accès",
        "L'accès public n'est soumis à aucune restriction",
        "L'accès n'est pas restreint",
        "Accès libre et gratuit",
        "Accès non restreint",
        "Pas de restriction d'accès public, sauf mention contraire",
        "Unrestricted access",
    ],
)
def test_that_nothing_limits_access_is_said_in_many_ways(text):
    made = both(text, "Citer la source").dataset
    assert (access(made), made["access_limitation"]) == ("PUBLIC", [f"{LIMITS}noLimitations"])


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (
            "Pas de restriction d'accès pour l'État ; accès sur demande pour les autres utilisateurs",
            "RESTRICTED",
        ),
        ("Pas de restriction d'accès public, sauf coordonnées exactes des nids (L124-4)", None),
        ("Restriction d'accès aux zones militaires. Pas de restriction d'accès par ailleurs", None),
        ("Pas de restriction d'accès public, hors zones militaires classées", None),
        ("Accès libre pour les services de l'État", None),
        ("Accès libre sur inscription", None),
    ],
)
def test_an_exception_asserts_no_absence_of_limits(text, right):
    made = both(text).dataset
    assert (access(made), made.get("access_limitation"), made["access_conditions"]) == (
        right,
        None,
        text,
    )
    flagged = dataset(keywords=[Keyword("données ouvertes")], constraints=use(text))
    assert access(flagged) == right


def test_reserved_access_beside_the_absence_of_limits_is_told_and_counts():
    made = both("Diffusion restreinte aux services de l'État", "Pas de restriction d'accès public")
    assert (access(made.dataset), made.dataset.get("access_limitation")) == ("RESTRICTED", None)
    assert codes(made) >= {"access-contradiction"}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (
            "L'accès au public est limité en application de l'article 13, paragraphe 1, point b) de la directive",
            "b",
        ),
        ("article 13, paragraphe 1, point h)", "h"),
        ("Article 13, §1, d)", "d"),
        ("point (a) of Article 13(1)", "a"),
    ],
)
def test_a_paragraph_of_the_directive_is_read_in_full(text, letter):
    made = both(text).dataset
    assert ids("access-limitation", made["access_limitation"]) == [
        f"INSPIRE_Directive_Article13_1{letter}"
    ]
    assert access(made) == "RESTRICTED"


def test_conditions_are_plain_text_and_bounded():
    made = result(
        constraints=use("<p>Sous <b>condition</b></p><script>x()</script>", "mot " * 20_000)
    )
    assert made.dataset["use_conditions"].startswith("Sous condition\n\nmot mot")
    assert len(made.dataset["use_conditions"].encode()) <= 30_000
    assert codes(made) >= {"text-cut"}


def test_the_licence_that_only_a_link_leads_to_is_that_of_the_dataset():
    text = Link(
        "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf",
        name="Licence",
    )
    made = dataset(links=[text])
    assert (made["license_id"], access(made)) == ("etalab-2.0", "PUBLIC")
    assert dataset(links=[text], constraints=use("ODbL 1.0"))["license_id"] == "odc-odbl"
    assert "license_id" not in dataset(links=[Link(text.url, name="Voir aussi")])
    reserved = dataset(
        links=[text], constraints=use("Accès réservé aux services de l’État", use_codes=())
    )
    assert access(reserved) == "RESTRICTED"


@pytest.mark.parametrize(
    "text",
    [
        "Aucune restriction",
        "Pas de restriction",
        "no limitations",
        "No restrictions apply",
        "Sans contrainte",
        "Il n'y a aucune limitation",
    ],
)
def test_no_restriction_alone_is_no_limitation(text):
    for block in (
        Constraint(use_limitations=[Term(text)]),
        Constraint(kind="legal", other=[Term(text)]),
    ):
        made = dataset(constraints=[block])
        assert ids("access-limitation", made["access_limitation"]) == ["noLimitations"]
        assert ids("access-right", [made["access_rights"]]) == ["PUBLIC"]


@pytest.mark.parametrize(
    "text", ["Aucune condition", "Pas de restrictions d'usage", "Aucune restriction de vitesse"]
)
def test_what_is_not_about_access_is_no_statement_on_it(text):
    assert "access_limitation" not in dataset(
        constraints=[Constraint(use_limitations=[Term(text)])]
    )


@pytest.mark.parametrize(
    ("text", "licence", "label"),
    [
        ("Licence Ouverte", "etalab", "Licence Ouverte (Etalab)"),
        ("CC BY", "cc-by-unversioned", "Creative Commons Attribution (CC BY)"),
        ("CC BY 4.0", "cc-by", "Creative Commons Attribution 4.0 (CC BY)"),
        ("Licence Ouverte 1.0", "etalab-1.0", "Licence Ouverte 1.0 (Etalab)"),
    ],
)
def test_a_licence_without_a_version_is_shown_without_one(text, licence, label):
    made = dataset(constraints=[Constraint(kind="legal", other=[Term(text)])])
    assert made["license_id"] == licence
    assert voc.get("licences")[licence].label_fr == label
