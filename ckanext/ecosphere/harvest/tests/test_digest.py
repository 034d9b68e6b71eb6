"""E-mail to a service about its records: sent once, with reasons and advice, and again only when something changes."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.finish import advice, digest
from ckanext.ecosphere.harvest.model import Digest
from ckanext.ecosphere.harvest.problems import FEATURE_CATALOGUE, MESSAGES
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.worker.queue import QUEUE
from ckanext.ecosphere.shared.mailing.outbox import SENT
from ckanext.ecosphere.tests.postbox import body, serving

GOOD = [iso_record(n) for n in range(1, 4)]
REFUSED = iso_record(4).replace("Jeu de données 4", "").replace("identificationInfo", "identificationNone")

ADDRESS = (
    "<gmd:contactInfo><gmd:CI_Contact><gmd:address><gmd:CI_Address><gmd:electronicMailAddress><gco:CharacterString>"
    "sig@ain.example.org</gco:CharacterString></gmd:electronicMailAddress></gmd:CI_Address></gmd:address>"
    "</gmd:CI_Contact></gmd:contactInfo>"
)
FAULTLESS = iso_record(4).replace("</gmd:organisationName>", f"</gmd:organisationName>{ADDRESS}")


@pytest.fixture
def box(portal, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, config.PRODUCER_MAILS, True)
    portal.call(
        "organization_patch",
        id=portal.OWNER,
        extras=[{"key": "ecosphere_contact_email", "value": "sig@cgdd.example.org"}],
    )
    with serving() as found:
        monkeypatch.setitem(ckan_config, "smtp.server", found.address)
        yield found


def statuses():
    return list(model.Session.scalars(sa.select(Digest.status)))


def test_a_service_is_told_once_what_is_refused_and_again_when_something_else_is_wrong(portal, box):
    with catalogue([*GOOD, REFUSED]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source)["errored"] == 1
        assert digest.deliver() == 1
        (mail,) = box.to("sig")
        said = body(mail)
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "Records of Source to put right: 4" in mail["Subject"]  # three without a mailbox
        refused = said.partition("(1):\n")[2].splitlines()
        assert refused[0] == "- fr-120066022-jdd-00000004"
        assert "does not describe any resource" in refused[1]
        assert refused[2] == "    → Fill in the element in the catalogue."
        assert "/ecosphere/harvest/source/source/corrections" in said
        box.clear()
        portal.harvest(source)  # tried again, refused for the same reason
        assert (digest.deliver(), box.mails) == (0, [])
        server.records.append(iso_record(5).replace("Jeu de données 5", "<script>https://piege.example.org</script>"))
        server.records[3] = REFUSED.replace("identificationNone", "identificationInfo")
        portal.harvest(source)
        digest.deliver()
        assert all("piege.example.org" not in body(each) for each in box.mails)
        assert set(statuses()) == {SENT}


def test_a_fault_that_comes_back_is_told_again(portal, box):
    with catalogue([*GOOD, REFUSED]) as server:
        source = portal.source(server.url)
        for record, sent in ((REFUSED, 1), (FAULTLESS, 0), (REFUSED, 1)):
            server.records[3] = record
            portal.harvest(source)
            assert digest.deliver() == sent


def test_an_email_that_cannot_be_written_keeps_no_other_waiting(portal, box, monkeypatch):
    written = digest.compose

    def compose(row, title, name):
        if name == "source":
            raise KeyError("a message of an earlier version")
        return written(row, title, name)

    monkeypatch.setattr(digest, "compose", compose)
    with catalogue([REFUSED]) as server, catalogue([REFUSED]) as other:
        portal.harvest(portal.source(server.url))
        portal.harvest(portal.source(other.url, name="autre"))
    assert (digest.deliver(), sorted(statuses())) == (1, ["pending", SENT])


def test_nothing_is_told_when_the_option_is_off_or_the_service_has_no_mailbox(portal, box, ckan_config, monkeypatch):
    with catalogue([REFUSED]) as server:
        source = portal.source(server.url)
        monkeypatch.setitem(ckan_config, config.PRODUCER_MAILS, False)
        portal.harvest(source)
        assert statuses() == []
        monkeypatch.setitem(ckan_config, config.PRODUCER_MAILS, True)
        portal.call("organization_patch", id=portal.OWNER, extras=[])
        portal.harvest(source)
        assert (digest.deliver(), box.mails, statuses()) == (0, [], ["unwanted"])


def test_a_server_that_is_away_is_asked_again_later(portal, box):
    box.failures = 1
    with catalogue([REFUSED]) as server:
        portal.harvest(portal.source(server.url))
        assert (digest.deliver(), statuses()) == (0, ["pending"])
        model.Session.execute(sa.update(Digest).values(next_try=sa.func.now() - sa.text("interval '1 hour'")))
        model.Session.commit()
        jobs.get_queue(QUEUE).empty()  # as after the loss of Redis
        assert digest.recover() == ["e-mails to services that are due"]
        assert (digest.deliver(), statuses()) == (1, [SENT])


def test_there_is_advice_for_each_message_about_a_record():
    assert set(advice.ADVICE) <= set(MESSAGES)
    assert {code for code in MESSAGES if code not in advice.ADVICE} == {"record-fault", FEATURE_CATALOGUE}
