"""RDF profile `ecosphere_dcat_ap`: DCAT-AP 3 with the fields and codes that ckanext-dcat does not write.

A thin layer over ckanext-dcat's profile: before it runs, values are converted to the form required by DCAT-AP (URIs of
licences, file types and media types); afterwards, the remaining fields are written, most of them according to
GeoDCAT-AP 3. ``EXTRA`` lists the simple ones.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rdflib import BNode, Literal, URIRef
from rdflib.namespace import XSD

from ckanext.dcat.profiles import ADMS, DCAT, DCATAP, DCT, FOAF, RDF, RDFS, SKOS
from ckanext.dcat.profiles.base import URIRefOrLiteral
from ckanext.dcat.profiles.euro_dcat_ap_3 import EuropeanDCATAP3Profile
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields import spatial, urls
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import (
    addresses,
    catalogues,
    conformity,
    distributions,
    geometries,
    lineage,
    own_terms,
    people,
    places,
    rdf_xml,  # noqa: F401 - replaces rdflib's serializer
    reading,
    record,
    references,
    relations,
)
from ckanext.ecosphere.schemas.rdf.terms import (
    ACCESS_STATEMENT,
    AGENT_ROLE,
    DQV,
    GEODCAT,
    HIGH_VALUE_REGULATION,
    IANA,
    PREFIXES,
    PROV,
    SCHEMA,
    USE_STATEMENT,
)
from ckanext.ecosphere.shared.rdf import is_exact
from ckanext.ecosphere.vocabularies import communes

#: Fields that become one triple per value: (field, predicate, class of the object or None).
EXTRA = (
    ("inspire_theme", DCAT.theme, SKOS.Concept),
    ("eu_theme", DCAT.theme, SKOS.Concept),
    ("priority_dataset", DCAT.theme, SKOS.Concept),
    ("regulatory_use", DCAT.theme, SKOS.Concept),
    ("topic_category", GEODCAT.topicCategory, SKOS.Concept),
    ("reference_system", DCT.conformsTo, DCT.Standard),
    ("territory", DCT.spatial, DCT.Location),
    ("alternate_title", DCT.alternative, None),
    ("status", ADMS.status, SKOS.Concept),
    ("preview_image", FOAF.depiction, None),
    ("access_limitation", DCT.rights, DCT.RightsStatement),  # DCAT-AP allows only one accessRights
    ("endpoint_url", DCAT.endpointURL, None),
    ("endpoint_description", DCAT.endpointDescription, None),
    ("service_type", GEODCAT.serviceType, SKOS.Concept),
    ("code_repository", SCHEMA.codeRepository, None),
    ("programming_language", SCHEMA.programmingLanguage, None),
    ("development_status", SCHEMA.creativeWorkStatus, None),
)

#: Properties with codes, and the vocabularies of these codes.
CODES = {
    ADMS.representationTechnique: ("spatial-representation",),
    ADMS.status: ("dataset-status", "distribution-status"),
    DCAT.hadRole: ("agent-role",),
    DCAT.theme: ("themes", "inspire-theme", "eu-theme", "priority-dataset", "regulatory-use"),
    DCATAP.availability: ("planned-availability",),
    DCATAP.hvdCategory: ("hvd-category",),
    DCT.accessRights: ("access-right",),
    DCT.accrualPeriodicity: ("frequency",),
    DCT["format"]: ("format",),
    DCT.language: ("language",),
    DCT.rights: ("access-limitation",),
    DCT.type: ("resource-type", "publisher-type", "conformity-degree", "resource-role"),
    GEODCAT.serviceType: ("service-type",),
    GEODCAT.topicCategory: ("topic-category",),
}
#: URIs of concept schemes that are not the URIs of their concepts without the last segment.
SCHEMES = {
    "http://purl.org/adms/publishertype": "http://purl.org/adms/publishertype/1.0",
    "http://data.europa.eu/bna": "http://data.europa.eu/bna/asd487ae75",
}
#: Fields hidden from ckanext-dcat: written differently here, or dates of the record rather than of the data.
_LEFT_OUT = {
    "in_series": [],
    "source": [],
    "spatial": None,
    "spatial_coverage": [],
    "metadata_created": None,
    "metadata_modified": None,
}
UNKNOWN_LICENCE_TYPE = URIRef("http://purl.org/adms/licencetype/UnknownIPR")


class EcosphereDCATAPProfile(EuropeanDCATAP3Profile):
    """ckanext-dcat's profile of DCAT-AP 3, completed."""

    def graph_from_dataset(self, dataset_dict: dict[str, Any], dataset_ref: Any) -> None:
        """Write a dataset to the graph."""
        dataset_dict = distributions.first_files(self.g, dataset_ref, dataset_dict)
        dataset = _prepared(inheritance.completed(dataset_dict))
        for prefix, namespace in PREFIXES.items():
            self.g.bind(prefix, namespace)
        for predicate in (DCT.title, DCT.description):  # written for its members, if it is a series
            self.g.remove((dataset_ref, predicate, None))
        super().graph_from_dataset({**dataset, **_LEFT_OUT}, dataset_ref)
        references.write(self.g, dataset_ref, dataset)
        places.write(self.g, dataset_ref, dataset, self._add_spatial_value_to_graph)
        self._add_kind(dataset, dataset_ref)
        self._correct_attributions(dataset, dataset_ref)
        for field, predicate, rdf_class in EXTRA:
            for value in self._read_list_value(dataset.get(field)):
                self._add(dataset_ref, predicate, value, rdf_class)
        self._add_statements(dataset, dataset_ref)
        lineage.write(self.g, dataset_ref, dataset)
        conformity.write(self.g, dataset_ref, dataset, self._add_date_triple)
        record.write(self.g, dataset_ref, dataset, self._add_date_triple)
        self._add_catalogues(dataset, dataset_ref)
        if dataset.get("created"):
            self._add_date_triple(dataset_ref, DCT.created, dataset["created"])
        self._add_licence(dataset, dataset_ref)
        geometries.write(self.g, dataset_ref, dataset)
        for resource in dataset.get("resources") or ():
            distributions.write(self.g, dataset_ref, resource)
        self._correct_details(dataset_ref)
        self._describe_nodes()
        addresses.restore(self.g, dataset)
        own_terms.write(self.g, dataset_ref, dataset_dict, dataset)

    def graph_from_catalog(self, catalog_dict: Any, catalog_ref: Any) -> None:
        """Write the catalogue to the graph."""
        super().graph_from_catalog(catalog_dict, catalog_ref)
        catalogues.complete(self.g, catalog_ref)

    def parse_dataset(self, dataset_dict: dict[str, Any], dataset_ref: Any) -> dict[str, Any]:
        """Read a dataset from the graph."""
        exact = is_exact(self.g, dataset_ref)
        if exact:
            own_terms.arrange(self.g, dataset_ref)
        dataset = super().parse_dataset(dataset_dict, dataset_ref)
        reading.complete(self.g, dataset_ref, dataset)
        geometries.read(self.g, dataset_ref, dataset, self._agents_details)
        if exact:
            own_terms.restore(self.g, dataset_ref, dataset)
        else:
            reading.sort(dataset)
        return dataset

    def _add_contact_to_graph(self, subject: Any, predicate: Any, contact: Any) -> None:
        known = set(self.g.objects(subject, predicate))
        super()._add_contact_to_graph(subject, predicate, contact)
        for node in set(self.g.objects(subject, predicate)) - known:
            people.write(self.g, node, contact)

    def _contact_details(self, subject: Any, predicate: Any) -> list[dict[str, Any]]:
        contacts = super()._contact_details(subject, predicate)
        if (None, DCAT.accessService, subject) not in self.g:  # only name and e-mail for services
            for node, contact in zip(self.g.objects(subject, predicate), contacts, strict=True):
                people.read(self.g, node, contact)
        return contacts

    def _add_agent_to_graph(self, subject_ref: Any, predicate: Any, agent_dict: Any) -> Any:
        """Write the home page of an agent as a page: ckanext-dcat 2.4 reads both that and the URL as the URL."""
        node = super()._add_agent_to_graph(subject_ref, predicate, {**agent_dict, "homepage": None})
        if agent_dict.get("homepage"):
            self._add(node, FOAF.page, agent_dict["homepage"], FOAF.Document)
        return node

    def _agents_details(self, subject: Any, predicate: Any) -> list[dict[str, Any]]:
        agents = super()._agents_details(subject, predicate)
        for node, agent in zip(self.g.objects(subject, predicate), agents, strict=True):
            page = self.g.value(node, FOAF.page)
            if page is not None:
                agent["homepage"] = str(page)
        return agents

    def _add_spatial_value_to_graph(self, spatial_ref: Any, predicate: Any, value: Any) -> None:
        """Write a geometry with all its decimals: ckanext-dcat 2.4 rounds to four, about ten metres."""
        super()._add_spatial_value_to_graph(spatial_ref, predicate, places.as_wkt(value))

    def _add(self, subject: Any, predicate: Any, value: Any, rdf_class: Any) -> None:
        node = URIRef(value) if str(value).startswith("urn:") else URIRefOrLiteral(value)
        self.g.add((subject, predicate, node))
        if rdf_class is not None and isinstance(node, URIRef):
            self.g.add((node, RDF.type, rdf_class))

    def _add_statements(self, dataset: Mapping[str, Any], ref: Any) -> None:
        for field, about in (("access_conditions", ACCESS_STATEMENT), ("use_conditions", USE_STATEMENT)):
            if dataset.get(field):
                node = BNode()
                self.g.add((ref, DCT.rights, node))
                self.g.add((node, RDF.type, DCT.RightsStatement))
                self.g.add((node, RDFS.label, Literal(dataset[field])))
                self.g.add((node, DCT.type, about))
        if dataset.get("scale_denominator"):
            node = BNode()
            self.g.add((ref, DQV.hasQualityMeasurement, node))
            self.g.add((node, RDF.type, DQV.QualityMeasurement))
            self.g.add((node, DQV.isMeasurementOf, GEODCAT.spatialResolutionAsScale))
            scale = Decimal(1) / int(dataset["scale_denominator"])
            self.g.add((node, DQV.value, Literal(f"{scale:f}", datatype=XSD.decimal)))

    def _add_catalogues(self, dataset: Mapping[str, Any], ref: Any) -> None:
        """Write the records of the dataset in other catalogues, known if the harvest is enabled."""
        for catalogue in relations.other_records(dataset):
            self._add(ref, DCT.isReferencedBy, catalogue["record"], None)

    def _correct_attributions(self, dataset: Mapping[str, Any], ref: Any) -> None:
        """Replace ``dcat:`` attributions by PROV ones: ckanext-dcat 2.4 reads the latter but writes the former."""
        for node in list(self.g.objects(ref, DCAT.qualifiedAttribution)):
            self.g.remove((ref, DCAT.qualifiedAttribution, node))
            self.g.add((ref, PROV.qualifiedAttribution, node))
            self.g.remove((node, RDF.type, DCAT.Attribution))
            self.g.add((node, RDF.type, PROV.Attribution))
            for agent in list(self.g.objects(node, DCAT.agent)):
                self.g.remove((node, DCAT.agent, agent))
                self.g.add((node, PROV.agent, agent))
            for role in list(self.g.objects(node, DCAT.hadRole)):
                self.g.add((role, RDF.type, DCAT.Role))

    def _describe_nodes(self) -> None:
        """Add class, label and scheme to known codes, unless an earlier dataset of the feed did.

        DCAT-AP requires concepts with a label, and its SHACL shapes check the scheme of the European authority tables.
        """
        for predicate, names in CODES.items():
            for node in self._undescribed(predicate, SKOS.inScheme):
                name, concept = next(((name, c) for name in names if (c := voc.get(name).get(str(node)))), ("", None))
                if concept is None or str(node) != concept.uri:
                    continue
                self.g.add((node, RDF.type, SKOS.Concept))
                self._add_labels(node, SKOS.prefLabel, concept)
                scheme = URIRef(_scheme(concept.uri, name))
                self.g.add((node, SKOS.inScheme, scheme))
                self.g.add((scheme, RDF.type, SKOS.ConceptScheme))
                self.g.add((scheme, DCT.title, Literal(name)))
        for node in self._undescribed(DCT.spatial, SKOS.inScheme):
            place = voc.get("territories").get(str(node))
            if place:
                self._add_labels(node, SKOS.prefLabel, place)
                self.g.add((node, SKOS.inScheme, URIRef(_scheme(place.uri, "territories"))))
                for other in place.data["other_uris"]:
                    self.g.add((node, SKOS.exactMatch, URIRef(other)))
                if box := spatial.territory_box(place.uri):
                    self._add_spatial_value_to_graph(node, DCAT.bbox, json.dumps(spatial.box_to_geometry(box)))
            elif commune := communes.get(str(node)):
                self.g.add((node, SKOS.prefLabel, Literal(commune.name, lang="fr")))
        for node in self._undescribed(DCT.conformsTo, DCT.title):
            self.g.add((node, RDF.type, DCT.Standard))
            standard = voc.get("epsg").get(str(node))
            if standard:
                self._add_labels(node, DCT.title, standard)

    def _undescribed(self, predicate: Any, description: Any) -> list[Any]:
        return [node for node in set(self.g.objects(None, predicate)) if (node, description, None) not in self.g]

    def _add_kind(self, dataset: Mapping[str, Any], ref: Any) -> None:
        """Write the further class of a series, service or source code, and the endpoint of a service without one.

        They remain typed as dataset too, which DCAT allows, so that harvesters that only handle datasets (such as
        ckanext-dcat's) find them.
        """
        kind = dataset.get("dcat_type")
        if kind == relations.SERIES:
            self.g.add((ref, RDF.type, DCAT.DatasetSeries))
        elif kind == relations.SERVICE:
            self.g.add((ref, RDF.type, DCAT.DataService))
            catalogues.add_service(self.g, ref)
            if not dataset.get("endpoint_url"):
                for address in distributions.endpoints(dataset):
                    self._add(ref, DCAT.endpointURL, address, None)
        elif kind == relations.CODE:
            self.g.add((ref, RDF.type, SCHEMA.SoftwareSourceCode))

    def _add_licence(self, dataset: Mapping[str, Any], ref: Any) -> None:
        """Write the licence on the dataset too, which DCAT allows."""
        licence = voc.get("licences").get(dataset.get("license_id") or "")
        if licence and urls.is_web_address(licence.uri):
            self.g.add((ref, DCT.license, URIRef(licence.uri)))
            self.g.add((URIRef(licence.uri), RDF.type, DCT.LicenseDocument))

    def _add_labels(self, node: Any, predicate: Any, concept: voc.Concept) -> None:
        self.g.add((node, predicate, Literal(concept.label_fr, lang="fr")))
        self.g.add((node, predicate, Literal(concept.label_en, lang="en")))

    def _correct_details(self, ref: Any) -> None:
        """Correct what ckanext-dcat 2.4 writes in violation of DCAT-AP.

        Identifiers as URI nodes, licences of unknown type, and distributions without the mandatory access URL, for
        which DCAT-AP prescribes the download URL if there is no other.
        """
        for identifier in list(self.g.objects(ref, DCT.identifier)):
            if isinstance(identifier, URIRef):
                self.g.remove((ref, DCT.identifier, identifier))
                self.g.add((ref, DCT.identifier, Literal(str(identifier), datatype=XSD.anyURI)))
        for licence in set(self.g.objects(None, DCT.license)):
            self.g.remove((licence, DCT.type, UNKNOWN_LICENCE_TYPE))
        for distribution, address in set(self.g.subject_objects(DCAT.downloadURL)):
            if (distribution, DCAT.accessURL, None) not in self.g:
                self.g.add((distribution, DCAT.accessURL, address))


def _scheme(uri: str, vocabulary: str) -> str:
    """Return the URI of a concept's scheme; for the project's own lists, the one used in `skos.py`."""
    if uri.startswith("urn:"):
        return f"urn:ecosphere:vocabulary:{vocabulary}"
    stem = uri.rsplit("/", 1)[0]
    return SCHEMES.get(stem, stem)


def _prepared(dataset_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a dataset with values in the form required by DCAT-AP."""
    dataset = copy.deepcopy(dict(dataset_dict))
    given = dataset.get("spatial")
    derived = spatial.footprint(dataset)
    if given and derived and json.dumps(derived) == given:
        del dataset["spatial"]  # derived from spatial_coverage or territory
    for row in dataset.get("qualified_attribution") or ():
        if row.get("role") and not str(row["role"]).startswith("http"):
            row["role"] = AGENT_ROLE + row["role"]
    uses = voc.get("regulatory-use")
    dataset["regulatory_use"] = [uses[use].uri for use in as_list(dataset.get("regulatory_use") or []) if use in uses]
    if dataset.get("hvd_category"):
        laws = [*as_list(dataset.get("applicable_legislation") or []), HIGH_VALUE_REGULATION]
        dataset["applicable_legislation"] = list(dict.fromkeys(laws))
    licence = voc.get("licences").get(dataset.get("license_id") or "")
    for resource in dataset.get("resources") or ():
        _prepare_resource(resource, licence)
    return dataset


def _prepare_resource(resource: dict[str, Any], licence: voc.Concept | None) -> None:
    resource |= {"created": None, "metadata_modified": None}  # dates of the record, not of the file
    if not resource.get("license") and licence and urls.is_web_address(licence.uri):
        resource["license"] = licence.uri
    known = links.format_called(resource.get("format") or "")
    media_type = resource.get("mimetype") or (known.data["media_type"] if known else "")
    if known and urls.is_web_address(known.uri):
        resource["format"] = known.uri
    if media_type and "/" in media_type and not media_type.startswith("http"):
        resource["mimetype"] = IANA + media_type
    services = resource.get("access_services")
    if isinstance(services, str):
        try:
            services = json.loads(services)
        except ValueError:
            services = []
    for service in services or ():
        for key in ("contact", "publisher"):  # single in DCAT; ckanext-dcat fails on a list
            if isinstance(service.get(key), list):
                service[key] = next(iter(service[key]), None)
    if services:
        resource["access_services"] = services
    if not resource.get("access_url"):  # required by DCAT-AP, even for a direct download
        resource["access_url"] = resource.get("url")
