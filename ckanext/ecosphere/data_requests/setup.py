"""The room's part in `ckan ecosphere init` and `ckan ecosphere check`."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import config, people
from ckanext.ecosphere.interfaces import Check, CheckStatus, InitReport

_ = tk._


def initialise(report: InitReport) -> None:
    """Tell whether anyone moderates."""
    report.unchanged(_("Data requests: {number} moderators").format(number=len(people.moderators())))


def check() -> list[Check]:
    """Look at the moderators."""
    name = _("Data requests")
    group = model.Group.get(config.moderators())
    if group is None or not people.editors_of(group.id):
        message = _("Nobody moderates but the administrators of the site: {organisation} has no editor.")
        remedy = _("Add editors to it, or name another organisation in {option}.").format(option=config.MODERATORS)
        return [Check(name, CheckStatus.WARNING, message.format(organisation=config.moderators()), remedy)]
    return [Check(name, CheckStatus.OK, _("{number} moderators").format(number=len(people.moderators())))]
