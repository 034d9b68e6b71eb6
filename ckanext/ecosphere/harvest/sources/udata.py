"""Source type `ecosphere_udata`: datasets of an organisation,
topic or tag on data.gouv.fr or another udata portal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.harvest.config import Settings
from ckanext.ecosphere.harvest.messages import ConfigError
from ckanext.ecosphere.harvest.record import (
    Constraint,
    Contact,
    Dated,
    Format,
    Identifier,
    Keyword,
    Link,
    Period,
    Record,
    Term,
)
from ckanext.ecosphere.harvest.sources.base import (
    COMMON_OPTIONS,
    MAX_IDLE_PAGES,
    MAX_NOTE,
    MAX_PAGES,
    MAX_SILENT,
    Object,
    PageError,
    RawRecord,
    SourceReader,
    SourceType,
    count_of,
    day_in,
    identifier_in,
    list_in,
    megabytes_in,
    object_in,
    objects_in,
    read_record,
    text_in,
    texts_in,
)
from ckanext.ecosphere.shared.http_guard import GuardedSession
from ckanext.ecosphere.shared.language import N_

FILTERS = ("organization", "topic", "tag")
PAGE_SIZE = 50
TOO_LARGE = "fetch-too-large"
NAMED = {"organization": ("api/1/organizations",), "topic": ("api/2/topics", "api/1/topics")}
"""Filters that accept only identifiers → API paths that resolve a name to one."""
_NOT_THERE = (404, 410)
_ID = re.compile(r"[0-9a-f]{24}")
_VOLATILE = (
    "metrics", "quality", "internal", "harvest", "last_update", "badges", "extras", "permissions",
)  # fmt: skip
"""Keys whose values change without the dataset changing."""
LICENCES = {
    "lov2": "Licence Ouverte 2.0",
    "fr-lo": "Licence Ouverte 1.0",
    "odc-odbl": "Open Data Commons Open Database License (ODbL)",
    "cc-by": "Creative Commons Attribution",
    "cc-by-sa": "Creative Commons Attribution Share-Alike",
    "cc-zero": "CC0",
    "odc-by": "Open Data Commons Attribution License",
}
"""udata licence id → a name that the rule for licences recognises."""
MAX_TITLE = 200
"""Maximum characters of the name of a resource in notes."""
_ACCESS_RIGHTS = {
    "open": "PUBLIC",
    "open_with_account": "PUBLIC",  # registration is permitted by the definition of PUBLIC
    "restricted": "RESTRICTED",
}
"""udata access type → EU access right. PUBLIC for "open" adds nothing to an open licence, and is
not stated."""
_REASONS = {
    "confidentiality_of_proceedings_of_public_authorities": "a",
    "international_relations_public_security_or_national_defence": "b",
    "course_of_justice_or_fair_trial": "c",
    "confidentiality_of_commercial_or_industrial_information": "d",
    "intellectual_property_rights": "e",
    "confidentiality_of_personal_data": "f",
    "protection_of_voluntary_information_suppliers": "g",
    "protection_of_environment": "h",
}
"""udata reason category → letter of article 13(1) of the INSPIRE directive
(udata.core.access_type)."""
_LIMITS = (
    "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/"
    "INSPIRE_Directive_Article13_1"
)
_ROLES = {"contact": "pointOfContact", "creator": "author", "rightsHolder": "owner"}
"""udata contact role → ISO 19115 code; other roles are ISO codes already
(udata.core.contact_point)."""
_ORIGIN_IDS = ("remote_id", "dct_identifier")
_ORIGIN = (*_ORIGIN_IDS, "remote_url")
_SCHEMAS = "https://schema.data.gouv.fr/"
_SCHEMA_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_DATA_GOUV = re.compile(r"https?://(?:[a-z0-9-]{1,60}\.)?data\.gouv\.fr/")
_ZONES = {
    "fr:departement:": "departement",
    "fr:region:": "region",
    "fr:commune:": "commune",
    "fr:arrondissement:": "arrondissement",
    "fr:canton:": "canton",
    "fr:iris:": "iris",
    "fr:epci:": "intercommunalite",
}
"""Prefix of zone codes (Etalab geozones) → type of territory in INSEE URIs."""
_READ = {
    "acronym", "archived", "created_at", "contact_point", "contact_points", "deleted",
    "description", "frequency", "frequency_date", "id", "last_modified", "license", "organization",
    "owner", "page", "private", "resources", "slug", "spatial", "tags", "temporal_coverage",
    "title", "uri", "description_short", "featured", "community_resources", "access_type",
    "access_type_reason", "access_type_reason_category", "authorization_request_url", "harvest",
    "is_restricted",
}  # fmt: skip


# --- the portal, page by page ---


class UdataReader(SourceReader):
    """Reads a list of datasets page by page.

    Args:
        url: URL of the portal; a path within it is ignored.
        session: the guarded HTTP session.
        filters: `organization` and `topic` (identifiers, or the last part of their page's URL) and
            `tag`.
    """

    def __init__(self, url: str, session: GuardedSession, filters: dict[str, str]):
        parts = urlsplit(url)
        super().__init__(urlunsplit((parts.scheme, parts.netloc, "/", "", "")), session)
        self._filters = filters
        self._total: int | None = None

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield the datasets; a page that fails is reported,
        and the following ones are still requested.
        """
        filters = self._resolved_filters()
        if filters is not None:
            yield from self._pages(filters)
        self._note_shortfall()

    def _pages(self, filters: dict[str, str]) -> Iterator[list[RawRecord]]:
        lost = idle = 0
        for number in range(1, MAX_PAGES + 1):
            first = (number - 1) * PAGE_SIZE + 1
            if self._total is not None and first > self._total:
                return
            last = min(first + PAGE_SIZE - 1, self._total or first)
            before = len(self._received)
            try:
                answer = self._page(filters, number, PAGE_SIZE)
            except PageError as error:
                lost += 1
                if error.code == TOO_LARGE:
                    yield from self._one_by_one(filters, first, last)
                elif self._total is None:
                    self.reading.fail(error.code, **error.params)
                else:
                    self.reading.fail(error.code, first, last, **error.params)
                if self._total is None:
                    return
                if lost >= MAX_SILENT:
                    self.reading.fail("gave-up", last + 1)
                    return
                continue
            yield from self._usable(answer["data"], first)
            lost = 0
            idle = 0 if len(self._received) > before else idle + 1
            is_last = self._total is None and not answer.get("next_page")
            if is_last or not answer["data"]:
                return
            if idle >= MAX_IDLE_PAGES:
                self.reading.fail("repeated", first, last)
                return

    def _page(self, filters: dict[str, str], number: int, size: int) -> Object:
        # By creation date, so that new datasets do not push others to a page already read.
        query = {**filters, "sort": "created", "page": number, "page_size": size}
        answer = self._fetch_json(f"{self._url}api/1/datasets/?{urlencode(query)}")
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise PageError("not-udata")
        total = count_of(answer.get("total"))
        if total is not None:
            self._total = self.reading.announced = total
        return answer

    def _one_by_one(
        self, filters: dict[str, str], first: int, last: int
    ) -> Iterator[list[RawRecord]]:
        """Request the datasets of an oversized page individually,
        so that only the large one is lost.
        """
        for position in range(first, last + 1):
            try:
                answer = self._page(filters, position, 1)
            except PageError as error:
                self.reading.fail(error.code, position, position, **error.params)
            else:
                yield from self._usable(answer["data"][:1], position)

    def _usable(self, datasets: list[Any], first: int) -> Iterator[list[RawRecord]]:
        """Yield the usable datasets of a page, if there are any."""
        records = [self._record(dataset, first + place) for place, dataset in enumerate(datasets)]
        usable = [record for record in records if record]
        if usable:
            yield usable

    def _record(self, dataset: Any, position: int) -> RawRecord | None:
        identifier = identifier_in(dataset)
        if not identifier:
            self.reading.fail("not-udata", position, position)
            return None
        title = text_in(dataset, "title") or ""
        if not self._is_new((identifier, title), position, identifier, title):
            return None
        return self._json_record(_lasting_part(dataset), position, "not-udata")

    def _resolved_filters(self) -> dict[str, str] | None:
        """Return the filters with identifiers in place of names; None if one does not exist, which
        is reported.

        The API rejects names of organisations and topics in lists, and ignores an unknown topic,
        which would return the whole portal. Topics are therefore checked even if given by
        identifier.
        """
        filters = dict(self._filters)
        for name, paths in NAMED.items():
            value = filters.get(name)
            if not value or (name == "organization" and _ID.fullmatch(value)):
                continue
            try:
                filters[name] = self._identifier_of(value, paths)
            except PageError as error:
                if error.code == "status" and error.params.get("status") in _NOT_THERE:
                    self.reading.fail("udata-unknown", name=value)
                else:
                    self.reading.fail(error.code, **error.params)
                return None
        return filters

    def _identifier_of(self, name: str, paths: tuple[str, ...]) -> str:
        """Return the identifier of an organisation or a topic; the last path that fails tells why.

        Raises:
            PageError: no path of the API knows it.
        """
        failure = PageError("not-udata")
        for path in paths:
            try:
                answer = self._fetch_json(f"{self._url}{path}/{quote(name, safe='')}/")
            except PageError as error:
                failure = error
                continue
            failure = PageError("not-udata")
            if isinstance(answer, dict) and isinstance(answer.get("id"), str):
                return answer["id"]
        raise failure


def _lasting_part(dataset: Object) -> Object:
    """Return a dataset without what changes while it does not."""
    lasting = _lasting(dataset)
    origin = origin_of(dataset)
    if origin:
        lasting["harvest"] = origin
    lasting["resources"] = list(map(_lasting, objects_in(dataset, "resources")))
    return lasting


def _lasting(values: Object) -> Object:
    return {name: value for name, value in values.items() if name not in _VOLATILE}


class UdataSource(SourceType):
    """Source type for data.gouv.fr and other udata portals."""

    type_name = "ecosphere_udata"
    title = N_("data.gouv.fr (udata)")
    description = N_(
        "The datasets of an organisation, a topic or a tag of data.gouv.fr or of another udata "
        "portal."
    )
    options = (*COMMON_OPTIONS, *FILTERS)

    def make_reader(self, url: str, settings: Settings, session: GuardedSession) -> UdataReader:
        """Create a reader for one reading of the list."""
        filters = {name: settings[name] for name in FILTERS if settings.get(name)}
        return UdataReader(url, session, filters)

    def read(self, content: str) -> Record:
        """Read a dataset of the API.

        Raises:
            RecordError: it is not valid.
        """
        return read_record(content, record_of, "not-udata")

    def check_own_settings(self, settings: Settings) -> None:
        """Validate the filters: at least one is required,
        or all of data.gouv.fr would be harvested.
        """
        for name in FILTERS:
            if settings.get(name) is not None and not isinstance(settings[name], str):
                raise ConfigError("config-text", name=name)
        if not any(settings.get(name) for name in FILTERS):
            raise ConfigError("config-udata")


# --- from a dataset to the neutral record ---


def record_of(dataset: Object) -> Record:
    """Read a dataset from `/api/1/datasets/`; values of another type than udata's are ignored."""
    origin = origin_of(dataset)
    modified = day_in(dataset, "last_modified")
    codes = dict.fromkeys([text_in(dataset, "uri"), *map(origin.get, _ORIGIN_IDS)])
    acronym = text_in(dataset, "acronym")
    record = Record(
        standard="udata",
        file_identifier=text_in(dataset, "id"),
        origin=origin.get("remote_id") or origin.get("dct_identifier"),
        identifiers=[Identifier(code=code) for code in codes if code],
        title=text_in(dataset, "title"),
        alternate_titles=[acronym] if acronym else [],
        abstract=text_in(dataset, "description"),
        hierarchy_level="dataset",
        languages=["fre"],
        keywords=[Keyword(tag.replace("-", " ")) for tag in texts_in(dataset, "tags")],
        frequency=text_in(dataset, "frequency"),
        next_update=day_in(dataset, "frequency_date"),
        dates=[
            Dated(day_in(dataset, "created_at"), "publication"),
            Dated(modified, "revision"),
        ],
        metadata_date=modified,
    )
    _add_contacts(record, dataset)
    _add_licence(record, text_in(dataset, "license"))
    _add_access(record, dataset)
    _add_coverage(record, dataset)
    _add_links(record, dataset)
    _note_rest(record, dataset, origin)
    return record


def origin_of(dataset: Object) -> dict[str, str]:
    """Return the origin of a dataset that udata itself harvested from another catalogue.

    Dates of its harvests are left out, since they change while the dataset does not.
    """
    harvest = object_in(dataset, "harvest")
    extras = object_in(dataset, "extras")  # before udata 6
    origin = {}
    for name in _ORIGIN:
        value = text_in(harvest, name) or text_in(extras, f"harvest:{name}")
        if value:
            origin[name] = value
    return origin


def _add_contacts(record: Record, dataset: Object) -> None:
    organisation, person = object_in(dataset, "organization"), object_in(dataset, "owner")
    names = [text_in(person, "first_name"), text_in(person, "last_name")]
    owner = text_in(organisation, "name") or " ".join(filter(None, names))
    if owner:
        page = text_in(organisation, "page")
        record.contacts.append(Contact(organisation=owner, role="owner", url=page))
    points = objects_in(dataset, "contact_points")
    if not list_in(dataset, "contact_points"):
        points = [object_in(dataset, "contact_point")]
    for point in filter(None, points):
        role = text_in(point, "role") or "contact"
        record.contacts.append(
            Contact(
                organisation=text_in(point, "name"),
                email=text_in(point, "email"),
                url=text_in(point, "contact_form"),
                role=_ROLES.get(role, role),
            )
        )


def _add_licence(record: Record, licence: str | None) -> None:
    if licence and licence != "notspecified":
        term = Term(LICENCES.get(licence, licence))
        record.constraints.append(Constraint(kind="legal", use_limitations=[term]))


def _add_access(record: Record, dataset: Object) -> None:
    """Read the access type, the reason of a restriction, and where to request access."""
    kind = text_in(dataset, "access_type") or ""
    category = text_in(dataset, "access_type_reason_category")
    right, reason = _ACCESS_RIGHTS.get(kind), _REASONS.get(category or "")
    terms = []
    if right and kind != "open":
        terms.append(Term("", voc.get("access-right")[right].uri))
    if reason:
        terms.append(Term("", _LIMITS + reason))
        category = None
    texts = [text_in(dataset, "access_type_reason"), text_in(dataset, "authorization_request_url")]
    terms += [Term(text) for text in (category, *texts) if text]
    if terms:
        record.constraints.append(
            Constraint(kind="legal", access_codes=["otherRestrictions"], other=terms)
        )
    if kind not in ("", "open", "restricted"):  # not expressed by the access right
        record.unread.append(f"access_type: {kind}")


def _add_coverage(record: Record, dataset: Object) -> None:
    temporal = object_in(dataset, "temporal_coverage")
    if temporal:
        record.periods.append(Period(day_in(temporal, "start"), day_in(temporal, "end")))
    spatial = object_in(dataset, "spatial")
    for code in texts_in(spatial, "zones"):
        uris = _territories_of(code)
        if not uris:
            record.extent_descriptions.append(code)
        record.geographic_identifiers += [Identifier(code=uri, href=uri) for uri in uris]
    granularity = text_in(spatial, "granularity")
    if granularity:
        record.unread.append(f"spatial.granularity: {granularity}")
    geometry = spatial.get("geom")
    if geometry and not record.add_geometry(geometry):
        text = json.dumps(geometry, ensure_ascii=False)
        record.unread.append(f"spatial.geom: {text[:MAX_NOTE]}")


def _territories_of(zone: str) -> list[str]:
    """Return the territory URIs of a zone code, ignoring its version:
    "fr:departement:976:latest".
    """
    current = zone.lower().partition("@")[0].removesuffix(":latest")
    whole = places.zones().get(current)
    if whole:
        return [voc.get("territories")[identifier].uri for identifier in whole]
    for prefix, kind in _ZONES.items():
        if zone.startswith(prefix):
            code = zone.removeprefix(prefix).partition("@")[0].partition(":")[0]
            return [f"http://id.insee.fr/geo/{kind}/{code}"]
    return []


def _add_links(record: Record, dataset: Object) -> None:
    page = text_in(dataset, "page")
    at_home = bool(_DATA_GOUV.match(page or text_in(dataset, "uri") or ""))
    for resource in objects_in(dataset, "resources"):
        link = _link(resource, at_home)
        record.links.append(link)
        record.unread += _rest_of_resource(resource, link.standards)
    if page:
        record.links.append(Link(url=page, name="Fiche data.gouv.fr", function="information"))
    record.formats = [Format(name=link.format) for link in record.links if link.format]


def _link(resource: Object, at_home: bool) -> Link:
    schema = _schema(resource, at_home)
    link = Link(
        url=text_in(resource, "url"),
        name=text_in(resource, "title"),
        description=text_in(resource, "description"),
        format=text_in(resource, "format"),
        media_type=text_in(resource, "mime"),
        function="download",
        size_megabytes=megabytes_in(resource, "filesize"),
        access_url=text_in(resource, "latest"),
        issued=day_in(resource, "created_at") or day_in(resource, "published"),
        modified=day_in(resource, "last_modified"),
        standards=[schema] if schema else [],
    )
    if resource.get("type") == "documentation":
        link.function = "information"
    return link


def _schema(resource: Object, at_home: bool) -> str | None:
    """Return the URL of a file's schema.

    Data.gouv.fr (`at_home`) has its own registry of schemas by name.
    """
    schema = object_in(resource, "schema")
    url, name = text_in(schema, "url"), text_in(schema, "name") or ""
    if url and url.startswith(("http://", "https://")):
        return url
    if at_home and _SCHEMA_NAME.fullmatch(name):
        return f"{_SCHEMAS}{name}/"
    return None


def _rest_of_resource(resource: Object, standards: list[str]) -> Iterator[str]:
    """Yield notes on what the link of a resource, with these standards, does not hold."""
    title = (text_in(resource, "title") or text_in(resource, "url") or "")[:MAX_TITLE]
    schema, checksum = object_in(resource, "schema"), object_in(resource, "checksum")
    of_schema = [text_in(schema, name) for name in ("name", "version", "url")]
    if all(text in str(standards) for text in of_schema if text):
        of_schema = []
    notes = {
        "schema": of_schema,
        "checksum": [text_in(checksum, name) for name in ("type", "value")],
        "preview_url": [text_in(resource, "preview_url")],
    }
    for name, texts in notes.items():
        note = " ".join(text for text in texts if text)
        if note:
            yield f"resources.{name}: {title} – {note[:MAX_NOTE]}"


def _note_rest(record: Record, dataset: Object, origin: dict[str, str]) -> None:
    """Note what has no place: a summary that is no part of the description, and unknown keys."""
    summary = text_in(dataset, "description_short") or ""
    whole = " ".join((record.abstract or "").split())
    if summary and " ".join(summary.split()).rstrip(". …") not in whole:
        record.unread.append(f"description_short: {summary}")
    if "remote_url" in origin:
        record.unread.append(f"harvest.remote_url: {origin['remote_url']}")
    for key, value in sorted(dataset.items()):
        if value and key not in _READ:
            record.unread.append(f"{key}: {value}")
