"""The quality room's steps of `ckan ecosphere init` and `ckan ecosphere check`."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.common import _

from ckanext.ecosphere.interfaces import Check, CheckStatus, InitReport
from ckanext.ecosphere.quality import config, jobs, rescore
from ckanext.ecosphere.quality.core.score import ModelError

PROFILES = "ckanext.dcat.rdf.profiles"
DEFAULT_PROFILE = "euro_dcat_ap_3"
RDF_PROFILE = "ecosphere_quality_dqv"


def initialise(report: InitReport) -> None:
    """Queue a rescore if datasets are not scored with the current weights."""
    number = rescore.missing()
    if number:
        jobs.RESCORE.request()
        report.changed(
            _("Quality: {number} datasets will be scored in the background").format(number=number)
        )
    else:
        report.unchanged(_("Quality: every dataset is scored"))


def check() -> list[Check]:
    """Look at the file of weights and at the rows."""
    try:
        version = config.model().version
    except ModelError as error:
        return _result(
            CheckStatus.ERROR,
            str(error),
            _("Correct the file, or empty {option}."),
            option=config.MODEL_FILE,
        )
    run = _("Run: {command}")
    number = rescore.missing()
    if number:
        message = _("{number} datasets are not scored with the weights {version}.")
        message = message.format(number=number, version=version)
        return _result(CheckStatus.WARNING, message, run, command="ckan ecosphere quality rescore")
    late = rescore.overdue()
    if late:
        message = _("{number} datasets fell due more than two days ago and were not scored again.")
        message = message.format(number=late)
        return _result(CheckStatus.WARNING, message, run, command="ckan ecosphere quality nightly")
    message = _("Every dataset is scored with the weights {version}.").format(version=version)
    return _result(CheckStatus.OK, message)


def _result(status: CheckStatus, message: str, remedy: str = "", **values: str) -> list[Check]:
    return [Check(_("Metadata quality"), status, message, remedy.format(**values))]


def add_rdf_profile(settings: Any) -> None:
    """Append the profile of quality measurements to those of ckanext-dcat, if missing.

    Args:
        settings: CKAN's configuration, changed in place.
    """
    if not (config.publish_rdf() and p.plugin_loaded("dcat")):
        return
    names = tk.aslist(settings.get(PROFILES) or DEFAULT_PROFILE)
    if RDF_PROFILE not in names:
        settings[PROFILES] = " ".join([*names, RDF_PROFILE])
