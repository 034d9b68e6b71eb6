"""`ecosphere_csw`: catalogues that speak CSW 2.0.2 and give ISO 19139 records (Géo-IDE, Prodige, GeoNetwork)."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import SourceReader
from ckanext.ecosphere.harvest.sources.csw_client import CswOptions, CswReader
from ckanext.ecosphere.harvest.sources.csw_request import Filter, record_url
from ckanext.ecosphere.harvest.sources.messages import ConfigError
from ckanext.ecosphere.harvest.sources.source_type import COMMON_OPTIONS, SourceType, default_page_size
from ckanext.ecosphere.shared.http_guard import GuardedSession
from ckanext.ecosphere.shared.messages import N_


class CswSource(SourceType):
    """The source type for CSW catalogues."""

    type_name = "ecosphere_csw"
    title = N_("Catalogue (CSW, ISO 19139)")
    description = N_(
        "A catalogue that speaks CSW 2.0.2 and gives ISO 19139 records: Géo-IDE, Prodige, GeoNetwork, pycsw…"
    )
    options = (*COMMON_OPTIONS, "filters", "page_size")

    def make_reader(self, url: str, settings: dict[str, Any], session: GuardedSession) -> SourceReader:
        """Make a reader for one reading of a catalogue."""
        return CswReader(
            url,
            session,
            CswOptions(
                filters=tuple(Filter.read(each) for each in settings.get("filters") or ()),
                page_size=default_page_size(settings),
                patience=config.patience_seconds(),
                pause=config.backoff_seconds(),
            ),
        )

    def read(self, content: str) -> Record:
        """Read an ISO 19139 record."""
        return read_record(parse_xml(content.encode("utf-8")))

    def record_url(self, url: str) -> str | None:
        """Address of an original record (GetRecordById)."""
        return record_url(url, "{id}").replace("%7Bid%7D", "{id}")

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Check the page size and the filters."""
        size = settings.get("page_size")
        if size is not None and (
            isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= config.MAX_PAGE_SIZE
        ):
            raise ConfigError("config-page-size", limit=config.MAX_PAGE_SIZE)
        filters = settings.get("filters")
        if filters is not None and not isinstance(filters, list):
            raise ConfigError("config-filters")
        for each in filters or ():
            Filter.read(each)
