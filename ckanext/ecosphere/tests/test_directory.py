"""The table of the contact details that the service-public directory had of the services."""

from __future__ import annotations

import re

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import directory
from ckanext.ecosphere.contact.actions import EMAIL
from ckanext.ecosphere.shared.contact_details import telephone
from ckanext.ecosphere.vocabularies import tables

#: Short names of services, one of which a functional mailbox bears: "dreal-corse", "relations-usagers.dirmed".
SERVICE_IN_MAILBOX = re.compile(r"ddt|dt-|dreal|deal|dir|dri|dtam")
ADDRESS = ("address", "postcode", "town", "address_year", "address_source")


def test_each_service_of_the_registry_has_one_row() -> None:
    services = [row["service"] for row in tables.rows(directory.TABLE)]
    assert services == [service.id for service in voc.get("organisations")]


def test_mailboxes_are_those_of_services_and_not_of_persons() -> None:
    mailboxes = {row["email"] for row in tables.rows(directory.TABLE)} - {""}
    assert [each for each in mailboxes if not EMAIL.fullmatch(each) or not each.endswith(".gouv.fr")] == []
    assert [each for each in mailboxes if not SERVICE_IN_MAILBOX.search(each.partition("@")[0])] == []


def test_telephones_and_addresses_are_whole_and_dated() -> None:
    for row in tables.rows(directory.TABLE):
        assert row["telephone"] == telephone.normalise(row["telephone"]) and re.fullmatch("20[12][0-9]", row["year"])
        given = {name for name in ADDRESS if row[name]}
        assert given in (set(), set(ADDRESS)), row["service"]
        assert not given or (re.fullmatch("[0-9]{5}", row["postcode"]) and re.fullmatch("20[12][0-9]", row["address_year"]))
        assert all(line.strip() == line != "" for line in row["address"].split(directory.LINE_END)) or not given


def test_an_address_is_in_the_departement_of_its_service() -> None:
    for row in tables.rows(directory.TABLE):
        kind, _dash, place = row["service"].partition("-")
        if row["postcode"] and kind == "ddt":
            assert row["postcode"][:2] == {"2a": "20", "2b": "20"}.get(place[:2], place[:2]), row["service"]
