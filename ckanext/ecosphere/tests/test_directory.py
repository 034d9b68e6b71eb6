"""The table of the contact details that the service-public directory had of the services."""

from __future__ import annotations

import re

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.contact.sheets import EMAIL
from ckanext.ecosphere.shared import contact_details
from ckanext.ecosphere.vocabularies import tables

#: Short names of services, one of which every functional mailbox bears: "relations-usagers.dirmed".
SERVICE_IN_MAILBOX = re.compile(r"ddt|dt-|dreal|deal|dir|dri|dtam")
YEAR = re.compile("20[12][0-9]")
ADDRESS = ("address", "postcode", "town", "address_year", "address_source")


def test_each_service_of_the_registry_has_one_row() -> None:
    services = [row["service"] for row in tables.rows(sheets.TABLE)]
    assert services == [service.id for service in voc.get("organisations")]


def test_mailboxes_are_those_of_services_and_not_of_persons() -> None:
    mailboxes = {row["email"] for row in tables.rows(sheets.TABLE)} - {""}
    for mailbox in mailboxes:
        assert EMAIL.fullmatch(mailbox) and mailbox.endswith(".gouv.fr"), mailbox
        assert SERVICE_IN_MAILBOX.search(mailbox.partition("@")[0]), mailbox


def test_telephones_and_addresses_are_whole_and_dated() -> None:
    for row in tables.rows(sheets.TABLE):
        assert row["telephone"] == contact_details.international(row["telephone"]), row["service"]
        assert YEAR.fullmatch(row["year"]), row["service"]
        given = {name for name in ADDRESS if row[name]}
        assert given in (set(), set(ADDRESS)), row["service"]
        if given:
            assert re.fullmatch("[0-9]{5}", row["postcode"]), row["service"]
            assert YEAR.fullmatch(row["address_year"]), row["service"]
            assert all(row["address"].split(sheets.LINE_END)), row["service"]


def test_an_address_is_in_the_departement_of_its_service() -> None:
    for row in tables.rows(sheets.TABLE):
        kind, _dash, place = row["service"].partition("-")
        if row["postcode"] and kind == "ddt":
            departement = place[:2].replace("2a", "20").replace("2b", "20")
            assert row["postcode"].startswith(departement), row["service"]
