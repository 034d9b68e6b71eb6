"""RDF profile `ecosphere_dcat_ap`: DCAT-AP 3 with the fields and codes that ckanext-dcat does not write.

A thin layer over ckanext-dcat's profile: before it runs, values are converted to the form required by DCAT-AP (URIs of
licences, file types and media types); afterwards, the remaining fields are written, most of them according to
GeoDCAT-AP 3: simple ones as the table of fields says (`dataset.fields`), those with a structure in `parts`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from rdflib import BNode, Literal, URIRef, plugin
from rdflib.namespace import XSD
from rdflib.plugins.serializers.rdfxml import PrettyXMLSerializer
from rdflib.serializer import Serializer

from ckanext.dcat.profiles import DCAT, DCT, FOAF, RDF, RDFS, SKOS
from ckanext.dcat.profiles.base import URIRefOrLiteral
from ckanext.dcat.profiles.euro_dcat_ap_3 import EuropeanDCATAP3Profile
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields, links
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields import spatial, urls
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import distributions, own_terms, parts, reading, relations
from ckanext.ecosphere.schemas.rdf.terms import (
    AGENT_ROLE,
    DQV,
    GEODCAT,
    HIGH_VALUE_REGULATION,
    IANA,
    PREFIXES,
    PROV,
    SCHEMA,
    STATEMENTS,
    uri,
)
from ckanext.ecosphere.shared.rdf import is_exact
from ckanext.ecosphere.vocabularies import communes

#: URIs of concept schemes that are not the URIs of their concepts without the last segment.
SCHEMES = {
    "http://purl.org/adms/publishertype": "http://purl.org/adms/publishertype/1.0",
    "http://data.europa.eu/bna": "http://data.europa.eu/bna/asd487ae75",
}
#: Fields hidden from ckanext-dcat: written differently here, or dates of the record rather than of the data.
_LEFT_OUT = {
    **{field.name: [] for field in fields.with_dcat("reference")},
    "source": [],
    "spatial": None,
    "spatial_coverage": [],
    "metadata_created": None,
    "metadata_modified": None,
}
UNKNOWN_LICENCE_TYPE = URIRef("http://purl.org/adms/licencetype/UnknownIPR")


class CompleteXMLSerializer(PrettyXMLSerializer):
    """RDF/XML in which no blank node is lost.

    Below three levels, rdflib 7 refers to a blank node with two references without ever describing it: on a page of the
    catalogue, the agents of all attributions. Importing this module replaces the serializer for the whole process.
    """

    #: Levels of elements, more than any dataset has.
    DEPTH = 20

    def serialize(
        self, stream: Any, base: str | None = None, encoding: str | None = None, **options: Any
    ) -> None:
        """Write the graph to a stream."""
        super().serialize(stream, base, encoding, **{"max_depth": self.DEPTH, **options})


plugin.register("pretty-xml", Serializer, __name__, CompleteXMLSerializer.__name__)


@cache
def coded_properties() -> dict[URIRef, list[str]]:
    """Return the properties whose values are concepts, each with the vocabularies of these concepts."""
    coded: dict[URIRef, list[str]] = {}
    for scope in fields.SCOPES:
        for field in fields.fields(scope):
            concepts = field.dcat.get("concepts") or field.dcat.get("object") == "skos:Concept"
            if concepts:
                vocabulary = concepts if isinstance(concepts, str) else field.vocabulary
                coded.setdefault(uri(field.dcat["property"]), []).append(vocabulary)
    for place in fields.schema()["subfields"].values():
        if "concepts" in place:
            last = place["dcat"].rpartition("/")[2]
            coded.setdefault(uri(last), []).append(place["concepts"])
    return coded


class EcosphereDCATAPProfile(EuropeanDCATAP3Profile):
    """ckanext-dcat's profile of DCAT-AP 3, completed."""

    def graph_from_dataset(self, dataset_dict: dict[str, Any], dataset_ref: Any) -> None:
        """Write a dataset to the graph."""
        dataset = _prepared(inheritance.completed(dataset_dict))
        for prefix, namespace in PREFIXES.items():
            self.g.bind(prefix, namespace)
        for predicate in (DCT.title, DCT.description):  # written for its members, if it is a series
            self.g.remove((dataset_ref, predicate, None))
        super().graph_from_dataset({**dataset, **_LEFT_OUT}, dataset_ref)
        parts.write_references(self.g, dataset_ref, dataset)
        parts.write_places(self.g, dataset_ref, dataset, self._add_spatial_value_to_graph)
        self._add_kind(dataset, dataset_ref)
        self._correct_attributions(dataset_ref)
        self._add_fields(dataset, dataset_ref)
        self._add_statements(dataset, dataset_ref)
        parts.write_lineage(self.g, dataset_ref, dataset)
        parts.write_conformity(self.g, dataset_ref, dataset, self._add_date_triple)
        parts.write_record(self.g, dataset_ref, dataset, self._add_date_triple)
        for catalogue in relations.other_records(dataset):  # known if the harvest is enabled
            self._add(dataset_ref, DCT.isReferencedBy, catalogue["record"], "any")
        self._add_licence(dataset, dataset_ref)
        parts.write_geodcat(self.g, dataset_ref, dataset)
        for resource in dataset.get("resources") or ():
            distributions.write(self.g, dataset_ref, resource)
        self._correct_details(dataset_ref)
        self._describe_concepts()
        self._describe_places()
        self._describe_standards()
        own_terms.restore_addresses(self.g, dataset)
        own_terms.write(self.g, dataset_ref, dataset_dict, dataset)

    def graph_from_catalog(self, catalog_dict: Any, catalog_ref: Any) -> None:
        """Write the catalogue to the graph."""
        super().graph_from_catalog(catalog_dict, catalog_ref)
        parts.complete_catalogue(self.g, catalog_ref)

    def parse_dataset(self, dataset_dict: dict[str, Any], dataset_ref: Any) -> dict[str, Any]:
        """Read a dataset from the graph."""
        exact = is_exact(self.g, dataset_ref)
        if exact:
            own_terms.arrange(self.g, dataset_ref)
        dataset = super().parse_dataset(dataset_dict, dataset_ref)
        reading.complete(self.g, dataset_ref, dataset)
        parts.read_geodcat(self.g, dataset_ref, dataset, self._agents_details)
        if exact:
            own_terms.restore(self.g, dataset_ref, dataset)
        else:
            reading.sort(dataset)
        return dataset

    # --- parties ---------------------------------------------------------------------------

    def _add_contact_to_graph(self, subject: Any, predicate: Any, contact: Any) -> None:
        before = set(self.g.objects(subject, predicate))
        super()._add_contact_to_graph(subject, predicate, contact)
        for node in set(self.g.objects(subject, predicate)) - before:
            parts.write_contact(self.g, node, contact)

    def _contact_details(self, subject: Any, predicate: Any) -> list[dict[str, Any]]:
        contacts = super()._contact_details(subject, predicate)
        if (None, DCAT.accessService, subject) not in self.g:  # only name and e-mail for services
            for node, contact in zip(self.g.objects(subject, predicate), contacts, strict=True):
                parts.read_contact(self.g, node, contact)
        return contacts

    def _add_agent_to_graph(self, subject_ref: Any, predicate: Any, agent_dict: Any) -> Any:
        """Write the home page of an agent as a page: ckanext-dcat 2.4 reads both that and the URL as the URL."""
        agent = {**agent_dict, "homepage": None}
        node = super()._add_agent_to_graph(subject_ref, predicate, agent)
        if agent_dict.get("homepage"):
            self._add(node, FOAF.page, agent_dict["homepage"], "foaf:Document")
        return node

    def _agents_details(self, subject: Any, predicate: Any) -> list[dict[str, Any]]:
        agents = super()._agents_details(subject, predicate)
        for node, agent in zip(self.g.objects(subject, predicate), agents, strict=True):
            page = self.g.value(node, FOAF.page)
            if page is not None:
                agent["homepage"] = str(page)
        return agents

    def _correct_attributions(self, ref: Any) -> None:
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

    # --- values ----------------------------------------------------------------------------

    def _add_spatial_value_to_graph(self, spatial_ref: Any, predicate: Any, value: Any) -> None:
        """Write a geometry with all its decimals: ckanext-dcat 2.4 rounds to four, about ten metres."""
        super()._add_spatial_value_to_graph(spatial_ref, predicate, parts.as_wkt(value))

    def _add_fields(self, dataset: Mapping[str, Any], ref: Any) -> None:
        """Write the fields that the table gives an object, except those of ckanext-dcat."""
        for field in fields.with_dcat("object"):
            if field.dcat.get("stock"):
                continue
            for value in self._read_list_value(dataset.get(field.name)):
                self._add(ref, uri(field.dcat["property"]), value, field.dcat["object"])

    def _add(self, subject: Any, predicate: Any, value: Any, kind: str) -> None:
        """Write a value: a date, a node of a class, or whatever it is ("any")."""
        if kind == "date":
            self._add_date_triple(subject, predicate, str(value))  # a year is read as a number
            return
        node = URIRef(value) if str(value).startswith("urn:") else URIRefOrLiteral(value)
        self.g.add((subject, predicate, node))
        if kind != "any" and isinstance(node, URIRef):
            self.g.add((node, RDF.type, uri(kind)))

    def _add_statements(self, dataset: Mapping[str, Any], ref: Any) -> None:
        for field in fields.with_dcat("statement"):
            if dataset.get(field.name):
                node = BNode()
                self.g.add((ref, DCT.rights, node))
                self.g.add((node, RDF.type, DCT.RightsStatement))
                self.g.add((node, RDFS.label, Literal(dataset[field.name])))
                self.g.add((node, DCT.type, URIRef(STATEMENTS + field.dcat["statement"])))
        if dataset.get("scale_denominator"):
            node = BNode()
            self.g.add((ref, DQV.hasQualityMeasurement, node))
            self.g.add((node, RDF.type, DQV.QualityMeasurement))
            self.g.add((node, DQV.isMeasurementOf, GEODCAT.spatialResolutionAsScale))
            scale = Decimal(1) / int(dataset["scale_denominator"])
            self.g.add((node, DQV.value, Literal(f"{scale:f}", datatype=XSD.decimal)))

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
            parts.add_to_catalogue(self.g, DCAT.service, ref)
            if not dataset.get("endpoint_url"):
                for address in distributions.endpoints(dataset):
                    self._add(ref, DCAT.endpointURL, address, "any")
        elif kind == relations.CODE:
            self.g.add((ref, RDF.type, SCHEMA.SoftwareSourceCode))

    def _add_licence(self, dataset: Mapping[str, Any], ref: Any) -> None:
        """Write the licence on the dataset too, which DCAT allows."""
        licence = voc.get("licences").get(dataset.get("license_id") or "")
        if licence and urls.is_web_address(licence.uri):
            self.g.add((ref, DCT.license, URIRef(licence.uri)))
            self.g.add((URIRef(licence.uri), RDF.type, DCT.LicenseDocument))

    def _correct_details(self, ref: Any) -> None:
        """Correct what ckanext-dcat 2.4 writes in violation of DCAT-AP.

        Identifiers as URI nodes, licences of unknown type, and distributions without the mandatory access URL, for
        which DCAT-AP prescribes the download URL if there is no other.
        """
        for identifier in list(self.g.objects(ref, DCT.identifier)):
            if isinstance(identifier, URIRef):
                self.g.remove((ref, DCT.identifier, identifier))
                literal = Literal(str(identifier), datatype=XSD.anyURI)
                self.g.add((ref, DCT.identifier, literal))
        for licence in set(self.g.objects(None, DCT.license)):
            self.g.remove((licence, DCT.type, UNKNOWN_LICENCE_TYPE))
        for distribution, address in set(self.g.subject_objects(DCAT.downloadURL)):
            if (distribution, DCAT.accessURL, None) not in self.g:
                self.g.add((distribution, DCAT.accessURL, address))

    # --- descriptions of what values refer to ----------------------------------------------

    def _describe_concepts(self) -> None:
        """Add class, label and scheme to the concepts of vocabularies, unless an earlier dataset of the feed did.

        DCAT-AP requires concepts with a label, and its SHACL shapes check the scheme of the European authority tables.
        """
        for predicate, names in coded_properties().items():
            for node in self._undescribed(predicate, SKOS.inScheme):
                for name in names:
                    concept = voc.get(name).get(str(node))
                    if concept is not None:
                        self._describe_concept(node, concept, name)
                        break

    def _describe_concept(self, node: Any, concept: voc.Concept, vocabulary: str) -> None:
        if str(node) != concept.uri:
            return
        scheme = URIRef(_scheme(concept.uri, vocabulary))
        self.g.add((node, RDF.type, SKOS.Concept))
        self._add_labels(node, SKOS.prefLabel, concept)
        self.g.add((node, SKOS.inScheme, scheme))
        self.g.add((scheme, RDF.type, SKOS.ConceptScheme))
        self.g.add((scheme, DCT.title, Literal(vocabulary)))

    def _describe_places(self) -> None:
        for node in self._undescribed(DCT.spatial, SKOS.inScheme):
            place = voc.get("territories").get(str(node))
            commune = communes.get(str(node))
            if place:
                self._add_labels(node, SKOS.prefLabel, place)
                self.g.add((node, SKOS.inScheme, URIRef(_scheme(place.uri, "territories"))))
                for other in place.data["other_uris"]:
                    self.g.add((node, SKOS.exactMatch, URIRef(other)))
                box = spatial.territory_box(place.uri)
                if box:
                    geometry = json.dumps(spatial.box_to_geometry(box))
                    self._add_spatial_value_to_graph(node, DCAT.bbox, geometry)
            elif commune:
                self.g.add((node, SKOS.prefLabel, Literal(commune.name, lang="fr")))

    def _describe_standards(self) -> None:
        for node in self._undescribed(DCT.conformsTo, DCT.title):
            self.g.add((node, RDF.type, DCT.Standard))
            standard = voc.get("epsg").get(str(node))
            if standard:
                self._add_labels(node, DCT.title, standard)

    def _undescribed(self, predicate: Any, description: Any) -> list[Any]:
        nodes = set(self.g.objects(None, predicate))
        return [node for node in nodes if (node, description, None) not in self.g]

    def _add_labels(self, node: Any, predicate: Any, concept: voc.Concept) -> None:
        self.g.add((node, predicate, Literal(concept.label_fr, lang="fr")))
        self.g.add((node, predicate, Literal(concept.label_en, lang="en")))


def _scheme(concept_uri: str, vocabulary: str) -> str:
    """Return the URI of a concept's scheme; for the project's own lists, the one used in `skos.py`."""
    if concept_uri.startswith("urn:"):
        return f"urn:ecosphere:vocabulary:{vocabulary}"
    stem = concept_uri.rsplit("/", 1)[0]
    return SCHEMES.get(stem, stem)


# --- before ckanext-dcat ------------------------------------------------------------------------


def _prepared(dataset_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a dataset with values in the form required by DCAT-AP."""
    dataset = copy.deepcopy(dict(dataset_dict))
    footprint = spatial.footprint(dataset)
    if footprint and json.dumps(footprint) == dataset.get("spatial"):
        del dataset["spatial"]  # derived from the extents or the territories
    for row in dataset.get("qualified_attribution") or ():
        if row.get("role") and not str(row["role"]).startswith("http"):
            row["role"] = AGENT_ROLE + row["role"]
    for field in fields.with_dcat("read"):
        if field.entry.get("vocabulary_store") == "id":
            concepts = map(voc.get(field.vocabulary).get, as_list(dataset.get(field.name) or []))
            dataset[field.name] = [concept.uri for concept in concepts if concept]
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
    file_format = links.format_called(resource.get("format") or "")
    media_type = resource.get("mimetype") or ""
    if file_format:
        media_type = media_type or file_format.data["media_type"]
        if urls.is_web_address(file_format.uri):
            resource["format"] = file_format.uri
    if "/" in media_type and not media_type.startswith("http"):
        resource["mimetype"] = IANA + media_type
    services = _services_of(resource)
    if services:
        resource["access_services"] = services
    if not resource.get("access_url"):  # required by DCAT-AP, even for a direct download
        resource["access_url"] = resource.get("url")


def _services_of(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    services = resource.get("access_services")
    if isinstance(services, str):
        try:
            services = json.loads(services)
        except ValueError:
            return []
    for service in services or ():
        for key in ("contact", "publisher"):  # single in DCAT; ckanext-dcat fails on a list
            if isinstance(service.get(key), list):
                service[key] = next(iter(service[key]), None)
    return services or []
