"""Browser tests of the alert pages, with e-mails over real SMTP: usable by keyboard,
without findings of axe.
"""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from playwright.sync_api import Page, expect

from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts.model import Alert, Subscriber
from ckanext.ecosphere.search.alerts.tests.conftest import dataset, links, run
from ckanext.ecosphere.tests.browser import axe_violations, tab_to
from ckanext.ecosphere.tests.postbox import Postbox

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]


def test_somebody_without_an_account_saves_confirms_changes_and_leaves(
    page: Page, postbox: Postbox
):
    dataset()
    page.goto(
        "/fr/recherche/alertes/nouvelle?q=zones+humides&vocab_ecosphere_territory=departement-69"
    )
    expect(page.locator("main strong, #content strong").first).to_have_text(
        "« zones humides » – Rhône"
    )
    assert axe_violations(page) == []
    tab_to(page, "#field-weekly")
    page.keyboard.press("ArrowUp")
    tab_to(page, "#field-email")
    page.keyboard.type("lea@example.org")
    page.keyboard.press("Enter")
    expect(page.locator("#content [role=status]")).to_contain_text("lea@example.org")
    assert axe_violations(page) == []
    job.deliver()
    page.goto(links(postbox.mails[0])[0])
    assert axe_violations(page) == []
    page.locator("#content button[type=submit]").click()
    expect(page.locator("#content select")).to_have_value("daily")
    assert axe_violations(page) == []
    postbox.clear()
    dataset(title="Zones humides de la Saône")
    run(
        2
    )  # the portal of the browser keeps its hour of sending: its alerts are due on the second morning
    [mail] = postbox.mails
    page.goto("/" + str(mail["List-Unsubscribe"]).strip("<>").split("/", 3)[3])
    assert axe_violations(page) == []
    page.locator("#content button[type=submit]").click()
    expect(page.locator("#content [role=status]")).to_be_visible()
    model.Session.rollback()
    for table in (Subscriber, Alert):
        assert model.Session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
    page.goto("/fr/recherche/alertes")
    assert axe_violations(page) == []
