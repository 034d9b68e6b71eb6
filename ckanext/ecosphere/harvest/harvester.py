"""The harvester plugins that ckanext-harvest loads, one per source type; they run the pipeline."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest.reconcile import import_again
from ckanext.ecosphere.harvest.sources.base import SourceType, original_url
from ckanext.ecosphere.harvest.sources.csw import CswSource
from ckanext.ecosphere.harvest.sources.dcat import DcatSource
from ckanext.ecosphere.harvest.sources.ogcapi import OgcApiSource
from ckanext.ecosphere.harvest.sources.udata import UdataSource
from ckanext.ecosphere.harvest.sources.waf import WafSource
from ckanext.ecosphere.harvest.worker import run_job
from ckanext.ecosphere.room import EcospherePluginBase
from ckanext.harvest.interfaces import IHarvester
from ckanext.harvest.model import HarvestObject


class EcosphereHarvester(EcospherePluginBase, SourceType):
    """Base class of the harvester plugins, one per source type."""

    def info(self) -> dict[str, str]:
        """Describe the source type for the form of a source."""
        return {
            "name": self.type_name,
            "title": tk._(self.title),
            "description": tk._(self.description),
            "form_config_interface": "Text",
        }

    def validate_config(self, text: str | None) -> str:
        """Validate the configuration of a source, in JSON; see `SourceType.checked_settings`.

        Raises:
            ValueError: it is not valid; the message is for the user.
        """
        return self.checked_settings(text)

    def get_original_url(self, harvest_object_id: str) -> str | None:
        """Return the URL of the original record of a harvest object, for the job report."""
        harvest_object: Any = HarvestObject.get(harvest_object_id)
        if harvest_object is None or not harvest_object.guid:
            return None
        return original_url(self.type_name, harvest_object.source.url, harvest_object.guid)

    def gather_stage(self, harvest_job: Any) -> list[str]:
        """Run the whole job synchronously, for commands that call the stages themselves.

        Returns:
            no objects: nothing is left to be fetched.
        """
        run_job(harvest_job.id, helpers=False)
        return []

    def fetch_stage(self, harvest_object: Any) -> bool:
        """Do nothing: pages contain complete records."""
        return True

    def import_stage(self, harvest_object: Any) -> bool:
        """Import an object again from its stored content, for `ckan harvester import`."""
        return import_again(harvest_object.id)


class EcosphereCswPlugin(EcosphereHarvester, CswSource):
    """Source type for CSW catalogues."""

    p.implements(IHarvester)


class EcosphereWafPlugin(EcosphereHarvester, WafSource):
    """Source type for folders of files."""

    p.implements(IHarvester)


class EcosphereDcatPlugin(EcosphereHarvester, DcatSource):
    """Source type for RDF feeds."""

    p.implements(IHarvester)


class EcosphereUdataPlugin(EcosphereHarvester, UdataSource):
    """Source type for data.gouv.fr and other udata portals."""

    p.implements(IHarvester)


class EcosphereOgcApiPlugin(EcosphereHarvester, OgcApiSource):
    """Source type for OGC API – Records and STAC."""

    p.implements(IHarvester)
