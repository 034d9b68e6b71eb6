"""What an element of an ISO record stands for, where ISO 19139 has one element for several fields of a dataset.

The portal writes the property of DCAT beside such an element, as XLink has it (XLink 1.1, 5.3): ``xlink:arcrole`` is
the property, ``xlink:role`` what the thing at its end is, ``xlink:title`` its name. Others may pass over them; the
portal, and those that run this suite, need not guess when they read the record again. Pure, no CKAN.
"""

from __future__ import annotations

_DCAT = "http://www.w3.org/ns/dcat#"
_DCT = "http://purl.org/dc/terms/"
_SCHEMA = "https://schema.org/"

#: On ``gmd:identificationInfo``: the elements of this record are marked.
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
