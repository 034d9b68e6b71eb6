"""XLink roles that state which DCAT property an ISO 19139 element stands for.

ISO 19139 uses one element for several fields of a dataset. The portal adds XLink attributes to such an element (XLink
1.1, 5.3): ``xlink:arcrole`` is the DCAT property, ``xlink:role`` the type of the resource it points to,
``xlink:title`` its name. Other readers may ignore them; portals that run this suite can read the record back without
guessing. Pure, no CKAN.
"""

from __future__ import annotations

_DCAT = "http://www.w3.org/ns/dcat#"
_DCT = "http://purl.org/dc/terms/"
_SCHEMA = "https://schema.org/"

#: Role of ``gmd:identificationInfo`` in records whose elements are marked.
MARKED = "http://xmlns.com/foaf/0.1/primaryTopic"

ACCESS = f"{_DCT}accessRights"
ALTERNATE_IDENTIFIER = "http://www.w3.org/ns/adms#identifier"
ATTRIBUTION = "http://www.w3.org/ns/prov#qualifiedAttribution"
BOX = f"{_DCAT}bbox"
CENTROID = f"{_DCAT}centroid"
CONFORMITY = "http://www.w3.org/ns/prov#wasUsedBy"
CONTACT = f"{_DCAT}contactPoint"
CREATOR = f"{_DCT}creator"
DISTRIBUTION = f"{_DCAT}distribution"
ACCESS_URL = f"{_DCAT}accessURL"
DOWNLOAD_URL = f"{_DCAT}downloadURL"
ENDPOINT = f"{_DCAT}endpointURL"
ENDPOINT_DESCRIPTION = f"{_DCAT}endpointDescription"
GEOMETRY = "http://www.w3.org/ns/locn#geometry"
HVD = "http://data.europa.eu/r5r/hvdCategory"
IDENTIFIER = f"{_DCT}identifier"
KEYWORD = f"{_DCAT}keyword"
LANDING_PAGE = f"{_DCAT}landingPage"
LEGISLATION = "http://data.europa.eu/r5r/applicableLegislation"
PAGE = "http://xmlns.com/foaf/0.1/page"
PLACE = f"{_DCT}spatial"
PROGRAMMING_LANGUAGE = f"{_SCHEMA}programmingLanguage"
PUBLISHER = f"{_DCT}publisher"
REFERENCED_BY = f"{_DCT}isReferencedBy"
REPOSITORY = f"{_SCHEMA}codeRepository"
SOURCE = f"{_DCT}source"
SPECIFICATION = f"{_DCT}conformsTo"
TERRITORY = f"{_DCT}coverage"
USE = f"{_DCT}rights"
