"""RDF profile `ecosphere_dcat_ap`: DCAT-AP 3 with the fields and codes that ckanext-dcat lacks.

It completes ckanext-dcat's profile:

- before a dataset is written, its values are converted to the form required by DCAT-AP (URIs of
  licences, file types and media types);
- afterwards, the remaining fields are written, most of them according to GeoDCAT-AP 3: simple ones
  as the table of fields says (`dataset.fields`), those with a structure in `parts`;
- after a dataset is read, the same fields are read (`complete_reading`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from ckan.types import DataDict
from rdflib import BNode, Graph, Literal, URIRef, plugin
from rdflib.namespace import XSD
from rdflib.plugins.serializers.rdfxml import PrettyXMLSerializer
from rdflib.serializer import Serializer

from ckanext.dcat.profiles import ADMS, DCAT, DCT, FOAF, RDF, RDFS, SKOS
from ckanext.dcat.profiles.base import CleanedURIRef, URIRefOrLiteral
from ckanext.dcat.profiles.euro_dcat_ap_3 import EuropeanDCATAP3Profile
from ckanext.dcat.utils import resource_uri
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields, links
from ckanext.ecosphere.dataset.geometry import box_to_geometry
from ckanext.ecosphere.dataset.view import Row, as_list, distinct_rows, filled
from ckanext.ecosphere.schemas import places, relations, stored, urls
from ckanext.ecosphere.schemas.rdf import own_terms, parts
from ckanext.ecosphere.schemas.rdf.parts import (
    AGENT_ROLE,
    CNT,
    DQV,
    GEODCAT,
    HIGH_VALUE_REGULATION,
    IANA,
    PREFIXES,
    PROV,
    SCHEMA,
    STATEMENTS,
    TERM,
    uri,
)
from ckanext.ecosphere.shared.rdf import is_exact
from ckanext.ecosphere.vocabularies import communes, languages

#: URI of concepts without its last segment → URI of their scheme, where the two differ.
SCHEMES = {
    "http://purl.org/adms/publishertype": "http://purl.org/adms/publishertype/1.0",
    "http://data.europa.eu/bna": "http://data.europa.eu/bna/asd487ae75",
}
#: Empty values that hide fields from ckanext-dcat: written differently here, or dates of the record
#: rather than of the data.
_LEFT_OUT = {
    **{field.name: [] for field in fields.with_dcat("reference")},
    "source": [],
    "spatial": None,
    "spatial_coverage": [],
    "metadata_created": None,
    "metadata_modified": None,
}
#: Property → class of its values, which are written without their class.
CLASSES = {
    "dcat:hadRole": "dcat:Role",
    "dct:conformsTo": "dct:Standard",
    "dct:language": "dct:LinguisticSystem",
    "dqv:inDimension": "dqv:Dimension",
    "dqv:isMeasurementOf": "dqv:Metric",
    "foaf:homepage": "foaf:Document",
    "foaf:page": "foaf:Document",
    "vcard:hasEmail": "vcard:Email",
}
#: Type that ckanext-dcat gives to every licence.
UNKNOWN_LICENCE_TYPE = URIRef("http://purl.org/adms/licencetype/UnknownIPR")


class CompleteXMLSerializer(PrettyXMLSerializer):
    """RDF/XML in which no blank node is lost.

    rdflib 7 never describes a blank node that has two references and is nested deeper than three
    levels: on a page of the catalogue, the agents of all attributions. Importing this module
    replaces the serializer for the whole process.
    """

    #: Levels of nested elements: more than any dataset has.
    DEPTH = 20

    def serialize(
        self, stream: Any, base: str | None = None, encoding: str | None = None, **options: Any
    ) -> None:
        """Write the graph to a stream."""
        super().serialize(stream, base, encoding, **{"max_depth": self.DEPTH, **options})


plugin.register("pretty-xml", Serializer, __name__, CompleteXMLSerializer.__name__)


@cache
def coded_properties() -> dict[URIRef, list[str]]:
    """Return the properties whose values are concepts, each with their vocabularies."""
    coded: dict[URIRef, list[str]] = {}
    for scope in fields.SCOPES:
        for field in fields.fields(scope):
            concepts = field.dcat.get("concepts") or field.dcat.get("object") == "skos:Concept"
            if concepts:  # the name of a vocabulary, or true for that of the field
                vocabulary = concepts if isinstance(concepts, str) else field.vocabulary
                coded.setdefault(uri(field.dcat["property"]), []).append(vocabulary)
    for subfield in fields.schema()["subfields"].values():
        if "concepts" in subfield:
            last_property = subfield["dcat"].rpartition("/")[2]
            coded.setdefault(uri(last_property), []).append(subfield["concepts"])
    return coded


class EcosphereDCATAPProfile(EuropeanDCATAP3Profile):
    """ckanext-dcat's profile of DCAT-AP 3, completed."""

    def graph_from_dataset(self, dataset_dict: DataDict, dataset_ref: Any) -> None:
        """Write a dataset to the graph."""
        dataset = _prepared(stored.completed(dataset_dict))
        for prefix, namespace in PREFIXES.items():
            self.g.bind(prefix, namespace)
        # In a feed, a member of this series may have described it already.
        for predicate in (DCT.title, DCT.description):
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
        for catalogue in relations.other_records(dataset):  # none unless the harvest is enabled
            self._add(dataset_ref, DCT.isReferencedBy, catalogue["record"], "any")
        self._add_licence(dataset, dataset_ref)
        parts.write_geodcat(self.g, dataset_ref, dataset)
        for resource in dataset.get("resources") or ():
            write_distribution(self.g, dataset_ref, resource)
        if dataset.get("hvd_category"):
            parts.write_high_value(self.g, dataset_ref, dataset)
        self._correct_details(dataset_ref)
        self._describe_concepts()
        self._describe_places()
        self._describe_standards()
        self._add_classes()
        own_terms.restore_addresses(self.g, dataset)
        own_terms.write(self.g, dataset_ref, dataset_dict, dataset)

    def graph_from_catalog(self, catalog_dict: Any, catalog_ref: Any) -> None:
        """Write the catalogue to the graph."""
        super().graph_from_catalog(catalog_dict, catalog_ref)
        parts.complete_catalogue(self.g, catalog_ref)
        self._add_classes()

    def parse_dataset(self, dataset_dict: DataDict, dataset_ref: Any) -> DataDict:
        """Read a dataset from the graph."""
        exact = is_exact(self.g, dataset_ref)
        if exact:
            own_terms.arrange(self.g, dataset_ref)
        dataset = super().parse_dataset(dataset_dict, dataset_ref)
        complete_reading(self.g, dataset_ref, dataset)
        parts.read_geodcat(self.g, dataset_ref, dataset, self._agents_details)
        if exact:
            own_terms.restore(self.g, dataset_ref, dataset)
        else:
            sort_rows(dataset)
        return dataset

    # --- parties ---------------------------------------------------------------------------

    def _add_contact_to_graph(self, subject: Any, predicate: Any, contact: Any) -> None:
        before = set(self.g.objects(subject, predicate))
        super()._add_contact_to_graph(subject, predicate, contact)
        for node in set(self.g.objects(subject, predicate)) - before:
            parts.write_contact(self.g, node, contact)

    def _contact_details(self, subject: Any, predicate: Any) -> list[DataDict]:
        contacts = super()._contact_details(subject, predicate)
        # The contacts of a service have only a name and an e-mail address.
        if (None, DCAT.accessService, subject) not in self.g:
            for node, contact in zip(self.g.objects(subject, predicate), contacts, strict=True):
                parts.read_contact(self.g, node, contact)
        return contacts

    def _add_agent_to_graph(self, subject_ref: Any, predicate: Any, agent_dict: Any) -> Any:
        """Write an agent, and its home page as `foaf:page`.

        ckanext-dcat 2.4 writes both URL and home page as `foaf:homepage`, which it reads as URL.
        """
        agent = {**agent_dict, "homepage": None}
        node = super()._add_agent_to_graph(subject_ref, predicate, agent)
        if agent_dict.get("homepage"):
            self._add(node, FOAF.page, agent_dict["homepage"], "foaf:Document")
        return node

    def _agents_details(self, subject: Any, predicate: Any) -> list[DataDict]:
        agents = super()._agents_details(subject, predicate)
        for node, agent in zip(self.g.objects(subject, predicate), agents, strict=True):
            page = self.g.value(node, FOAF.page)
            if page is not None:
                agent["homepage"] = str(page)
        return agents

    def _correct_attributions(self, ref: Any) -> None:
        """Replace `dcat:` attributions by those of PROV: ckanext-dcat 2.4 reads only these."""
        for node in list(self.g.objects(ref, DCAT.qualifiedAttribution)):
            self.g.remove((ref, DCAT.qualifiedAttribution, node))
            self.g.add((ref, PROV.qualifiedAttribution, node))
            self.g.set((node, RDF.type, PROV.Attribution))
            for agent in list(self.g.objects(node, DCAT.agent)):
                self.g.remove((node, DCAT.agent, agent))
                self.g.add((node, PROV.agent, agent))

    # --- values ----------------------------------------------------------------------------

    def _add_spatial_value_to_graph(self, spatial_ref: Any, predicate: Any, value: Any) -> None:
        """Write a geometry with all its decimals: ckanext-dcat 2.4 keeps four, about ten metres."""
        super()._add_spatial_value_to_graph(spatial_ref, predicate, parts.as_wkt(value))

    def _add_fields(self, dataset: Row, ref: Any) -> None:
        """Write the fields with an ``object`` in the table, except those of ckanext-dcat."""
        for field in fields.with_dcat("object"):
            if field.dcat.get("stock"):
                continue
            for value in self._read_list_value(dataset.get(field.name)):
                self._add(ref, uri(field.dcat["property"]), value, field.dcat["object"])

    def _add(self, subject: Any, predicate: Any, value: Any, kind: str) -> None:
        """Write a value whose kind is "date", the class of its node, or "any" for no class."""
        if kind == "date":
            self._add_date_triple(subject, predicate, str(value))  # a year is read as a number
            return
        node = URIRef(value) if str(value).startswith("urn:") else URIRefOrLiteral(value)
        self.g.add((subject, predicate, node))
        if kind != "any" and isinstance(node, URIRef):
            self.g.add((node, RDF.type, uri(kind)))

    def _add_statements(self, dataset: Row, ref: Any) -> None:
        for field in fields.with_dcat("statement"):
            if dataset.get(field.name):
                statement = {
                    RDF.type: DCT.RightsStatement,
                    RDFS.label: Literal(dataset[field.name]),
                    DCT.type: URIRef(STATEMENTS + field.dcat["statement"]),
                }
                parts.add_blank(self.g, ref, DCT.rights, statement)
        if dataset.get("scale_denominator"):
            scale = Decimal(1) / int(dataset["scale_denominator"])
            measure = {
                RDF.type: DQV.QualityMeasurement,
                DQV.isMeasurementOf: GEODCAT.spatialResolutionAsScale,
                DQV.value: Literal(f"{scale:f}", datatype=XSD.decimal),
            }
            parts.add_blank(self.g, ref, DQV.hasQualityMeasurement, measure)

    def _add_kind(self, dataset: Row, ref: Any) -> None:
        """Write the class of a series, service or source code, and the endpoint if it is missing.

        They keep the class of datasets too, which DCAT allows, so that harvesters that only handle
        datasets (such as ckanext-dcat's) find them.
        """
        kind = dataset.get("dcat_type")
        if kind == relations.SERIES:
            self.g.add((ref, RDF.type, DCAT.DatasetSeries))
        elif kind == relations.SERVICE:
            self.g.add((ref, RDF.type, DCAT.DataService))
            parts.add_to_catalogue(self.g, DCAT.service, ref)
            if not dataset.get("endpoint_url"):
                for address in endpoints(dataset):
                    self._add(ref, DCAT.endpointURL, address, "any")
        elif kind == relations.CODE:
            self.g.add((ref, RDF.type, SCHEMA.SoftwareSourceCode))

    def _add_licence(self, dataset: Row, ref: Any) -> None:
        """Write the licence on the dataset too, which DCAT allows."""
        licence = voc.get("licences").get(dataset.get("license_id") or "")
        if licence and urls.is_web_address(licence.uri):
            self._add(ref, DCT.license, licence.uri, "dct:LicenseDocument")

    def _correct_details(self, ref: Any) -> None:
        """Correct what ckanext-dcat 2.4 writes in violation of DCAT-AP.

        It writes identifiers as URI nodes, the type of licences as unknown, and distributions
        without the mandatory access URL; DCAT-AP then prescribes the download URL.
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
        """Add class, label and scheme to concepts that no earlier dataset of the feed described.

        DCAT-AP requires labels, and its SHACL shapes check the schemes of the European authority
        tables.
        """
        for predicate, names in coded_properties().items():
            for node in self._undescribed(predicate, SKOS.inScheme):
                for name in names:
                    concept = voc.get(name).get(str(node))
                    if concept is not None:
                        self._describe_concept(node, concept, name)
                        break

    def _describe_concept(self, node: Any, concept: voc.Concept, vocabulary: str) -> None:
        if str(node) != concept.uri:  # found by another URI
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
                self._describe_concept(node, place, "territories")
                for other in place.data["other_uris"]:
                    self.g.add((node, SKOS.exactMatch, URIRef(other)))
                box = places.territory_box(place.uri)
                if box:
                    geometry = json.dumps(box_to_geometry(box))
                    self._add_spatial_value_to_graph(node, DCAT.bbox, geometry)
            elif commune:
                self.g.add((node, SKOS.prefLabel, Literal(commune.name, lang="fr")))

    def _describe_standards(self) -> None:
        for node in self._undescribed(DCT.conformsTo, DCT.title):
            standard = voc.get("epsg").get(str(node))
            if standard:
                self._add_labels(node, DCT.title, standard)

    def _add_classes(self) -> None:
        for name, kind in CLASSES.items():
            for node in set(self.g.objects(None, uri(name))):
                if isinstance(node, URIRef):
                    self.g.add((node, RDF.type, uri(kind)))

    def _undescribed(self, predicate: Any, description: Any) -> list[Any]:
        """Return the values of a property that lack another property, which describes them."""
        nodes = set(self.g.objects(None, predicate))
        return [node for node in nodes if (node, description, None) not in self.g]

    def _add_labels(self, node: Any, predicate: Any, concept: voc.Concept) -> None:
        self.g.add((node, predicate, Literal(concept.label_fr, lang="fr")))
        self.g.add((node, predicate, Literal(concept.label_en, lang="en")))


def _scheme(concept_uri: str, vocabulary: str) -> str:
    """Return the URI of a concept's scheme; for the project's own lists, that of `skos.py`."""
    if concept_uri.startswith("urn:"):
        return f"urn:ecosphere:vocabulary:{vocabulary}"
    stem = concept_uri.rsplit("/", 1)[0]
    return SCHEMES.get(stem, stem)


# --- writing: before ckanext-dcat ---------------------------------------------------------------


def _prepared(dataset_dict: Row) -> DataDict:
    """Return a copy of a dataset with values in the form required by DCAT-AP."""
    dataset = copy.deepcopy(dict(dataset_dict))
    if places.is_derived(dataset):
        del dataset["spatial"]
    for row in parts.rows_with_role(dataset):
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


def _prepare_resource(resource: DataDict, licence: voc.Concept | None) -> None:
    """Convert the values of a resource in place; `licence` is that of its dataset."""
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


def _services_of(resource: Row) -> list[DataDict]:
    """Return the access services of a resource, whose rows are changed in place."""
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


# --- distributions: the fields of resources that ckanext-dcat leaves out ------------------------

#: Protocols of files, pages and databases: all others are those of services.
_FILES_AND_PAGES = {"HTTP", "HTTP:DOWNLOAD", "FTP", "FILE", "DB:POSTGIS"}
#: URI prefixes of service types: that of the OGC's name server, and that of the pages of their
#: standards, which SEMIC's conversion of ISO 19139 and data.gouv.fr use.
_OGC_TYPES = "http://www.opengis.net/def/serviceType/ogc/"
_OGC_STANDARDS = "http://www.opengeospatial.org/standards/"
#: URI prefix of coordinate reference systems.
_CRS = "http://www.opengis.net/def/crs/"


def write_distribution(graph: Graph, dataset_ref: Any, resource: Row) -> None:
    """Complete the distribution of a resource.

    Args:
        graph: graph written by ckanext-dcat.
        dataset_ref: node of the dataset.
        resource: the resource, from ``package_show``.
    """
    node = CleanedURIRef(resource_uri(resource))
    role = voc.get("resource-role").get(str(resource.get("resource_role") or ""))
    if role:
        graph.add((node, DCT.type, URIRef(role.uri)))
        if role.id == "sample":
            graph.add((dataset_ref, ADMS.sample, node))
    parts.add_texts(graph, node, {CNT.characterEncoding: resource.get("encoding")})
    for system in as_list(resource.get("reference_system") or []):
        graph.add((node, DCT.conformsTo, URIRef(str(system))))
    protocol = voc.get("protocol").get(str(resource.get("protocol") or ""))
    if protocol and protocol.id not in _FILES_AND_PAGES:
        _write_protocol(graph, node, resource, protocol)


def _write_protocol(graph: Graph, node: Any, resource: Row, protocol: voc.Concept) -> None:
    """Write the protocol of a distribution on its services, of which it gets one if it has none."""
    services = list(graph.objects(node, DCAT.accessService))
    if not services:
        address = str(resource["url"]).partition("?")[0]
        service = {
            RDF.type: DCAT.DataService,
            DCT.title: Literal(resource.get("name") or protocol.label_fr),
            DCAT.endpointURL: CleanedURIRef(address),
        }
        services = [parts.add_blank(graph, node, DCAT.accessService, service)]
    for service in services:
        if protocol.uri.startswith(_OGC_TYPES):
            standard = _OGC_STANDARDS + protocol.uri.removeprefix(_OGC_TYPES)
            graph.add((service, GEODCAT.serviceProtocol, URIRef(standard)))
            parts.add_concept(graph, URIRef(standard), protocol.label_fr)
        if not _protocols(graph, service):
            graph.add((service, DCT.conformsTo, URIRef(protocol.uri)))
            graph.add((node, TERM.completed, URIRef(protocol.uri)))


def _protocols(graph: Graph, service: Any) -> set[str]:
    """Return the ids of the protocols that a service conforms to."""
    standards = graph.objects(service, DCT.conformsTo)
    concepts = [
        voc.get("protocol").get(str(node)) for node in standards if isinstance(node, URIRef)
    ]
    return {concept.id for concept in concepts if concept}


def endpoints(dataset: Row) -> list[str]:
    """Return the endpoint URL of a service according to its resources; at most one."""
    rows: Any = dataset.get("resources") or ()
    # Documents come last.
    rows = sorted(rows, key=lambda row: row.get("resource_role") in ("documentation", "metadata"))
    for row in rows:
        for service in row.get("access_services") or ():
            if isinstance(service, Mapping) and service.get("endpoint_url"):
                return [str(service["endpoint_url"][0])]
    for row in rows:
        if row.get("url"):
            return [str(row["url"]).partition("?")[0]]
    return []


def read_distribution(graph: Graph, node: Any, resource: DataDict) -> None:
    """Read the properties written by :func:`write_distribution`.

    Args:
        graph: the whole graph.
        node: the distribution.
        resource: the resource as parsed by ckanext-dcat, with lists loaded; changed in place.
    """
    roles = [voc.get("resource-role").get(str(kind)) for kind in graph.objects(node, DCT.type)]
    role = next(filter(None, roles), None)
    if role:
        resource["resource_role"] = role.id
    elif (None, ADMS.sample, node) in graph:
        resource["resource_role"] = "sample"
    resource |= parts.texts_of(graph, node, {"encoding": CNT.characterEncoding})
    systems, others = [], []
    for standard in map(str, as_list(resource.pop("conforms_to", None) or [])):
        is_system = standard in voc.get("epsg") or standard.startswith(_CRS)
        if is_system:
            systems.append(standard)
        else:
            others.append(standard)
    if systems:
        resource["reference_system"] = sorted(systems)
    if others:
        resource["conforms_to"] = others
    protocols: set[str] = set()
    for service in graph.objects(node, DCAT.accessService):
        protocols |= _protocols(graph, service)
    if len(protocols) == 1 and not resource.get("protocol"):
        resource["protocol"] = protocols.pop()


# --- reading: after ckanext-dcat ----------------------------------------------------------------

#: Open vocabulary → URI prefix of the values that belong to it without being in it.
OPEN = {
    "hvd-category": "http://data.europa.eu/bna/c_",
    "epsg": _CRS,
    "territories": "http://id.insee.fr/geo/",
}
#: Texts in several languages, with their properties.
TEXTS_OF_DATASET = {"title": DCT.title, "notes": DCT.description}
TEXTS_OF_DISTRIBUTION = {"name": DCT.title, "description": DCT.description}
#: Class of a dataset → its kind, by id in the vocabulary `resource-type`.
KINDS = {
    DCAT.DatasetSeries: "series",
    DCAT.DataService: "service",
    SCHEMA.SoftwareSourceCode: "code",
}
#: Lists of datasets that CKAN handles itself.
_LISTS_OF_CKAN = ("resources", "extras", "tags")


def complete_reading(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Complete a dataset parsed by ckanext-dcat.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: the parsed dataset, changed in place; JSON lists are loaded, codes converted to
            those of the schema.
    """
    _load_lists(dataset)
    _read_by_vocabulary(graph, ref, dataset)
    _read_fields(graph, ref, dataset)
    abstract = graph.value(ref, DCT.abstract)  # Géo-IDE has the description here
    if abstract and not dataset.get("notes"):
        dataset["notes"] = str(abstract)
    _read_translations(graph, ref, dataset, TEXTS_OF_DATASET)
    _read_statements(graph, ref, dataset)
    _read_scale(graph, ref, dataset)
    parts.read_lineage(graph, ref, dataset)
    parts.read_conformity(graph, ref, dataset)
    parts.read_record(graph, ref, dataset)
    parts.read_places(graph, ref, dataset)
    periods = [row for row in dataset.get("temporal_coverage") or () if isinstance(row, dict)]
    if periods:
        dataset["temporal_coverage"] = periods
    parts.read_references(graph, ref, dataset)
    for rdf_class, kind in KINDS.items():
        if (ref, RDF.type, rdf_class) in graph and not dataset.get("dcat_type"):
            dataset["dcat_type"] = voc.get("resource-type")[kind].uri
    _read_identifiers(graph, ref, dataset)
    for row in parts.rows_with_role(dataset):
        role = str(row.get("role") or "")
        if role.startswith(AGENT_ROLE) and role not in voc.get("agent-role"):
            role = role.removeprefix(AGENT_ROLE)  # of a later standard, kept as a code
        # Even if empty: CKAN's validation fails on rows that only contain nested rows.
        row["role"] = role
    _read_licence(graph, ref, dataset)
    for resource in dataset.get("resources") or ():
        name = str(resource.pop("distribution_ref", None) or "")
        node = URIRef(name) if ":" in name else BNode(name)
        read_distribution(graph, node, resource)
        _read_translations(graph, node, resource, TEXTS_OF_DISTRIBUTION)
        _complete_resource(resource)


def sort_rows(dataset: DataDict) -> None:
    """Sort the rows of each field by their first column, then by the others.

    Graphs are unordered: without sorting, the same file would not always yield the same dataset.
    Rows of fields with an ``order`` in the table are in that order already.
    """
    for field in fields.fields():
        rows = dataset.get(field.name)
        if field.subfields and isinstance(rows, list) and "order" not in field.entry:
            first = field.subfields[0]
            rows.sort(key=lambda row: json.dumps(row, sort_keys=True))  # decides between equals
            rows.sort(key=lambda row, first=first: str(row.get(first) or ""))


def _load_lists(dataset: DataDict) -> None:
    """Load JSON lists, and drop the empty subfields added by ckanext-dcat."""
    for owner in (dataset, *(dataset.get("resources") or ())):
        for key, value in owner.items():
            values = value
            if isinstance(value, str) and value.startswith("["):
                try:
                    values = json.loads(value)
                except ValueError:
                    continue
            if isinstance(values, list) and key not in _LISTS_OF_CKAN:
                owner[key] = _filled(values)


def _filled(value: Any) -> Any:
    """Return a value without the empty entries of the dicts in it."""
    if isinstance(value, dict):
        return {key: _filled(part) for key, part in filled(value).items()}
    if isinstance(value, list):
        return [_filled(part) for part in value]
    return value


def _read_by_vocabulary(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Distribute the values of properties that several fields share, by their vocabularies."""
    specifications = set(graph.objects(ref, DCT.conformsTo))
    dataset.pop("conforms_to", None)
    for field in fields.with_dcat("read"):
        predicate = uri(field.dcat["property"])
        objects = graph.objects(ref, predicate)
        nodes = [node for node in objects if _belongs(str(node), field.vocabulary)]
        if predicate == DCT.conformsTo:
            specifications -= set(nodes)
        dataset.pop(field.name, None)
        if nodes:
            vocabulary = voc.get(field.vocabulary)
            key = field.entry.get("vocabulary_store", "uri")
            values = {vocabulary.as_stored(str(node), key) for node in nodes}
            dataset[field.name] = sorted(values)
    uris = sorted(str(node) for node in specifications if isinstance(node, URIRef))
    if uris:
        dataset["conforms_to"] = uris


def _belongs(value: str, vocabulary: str) -> bool:
    """Return whether a value belongs to a vocabulary, or matches the prefix of an open one."""
    return value in voc.get(vocabulary) or value.startswith(OPEN.get(vocabulary, ()))


def _read_fields(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the fields with a property of their own, except those of ckanext-dcat."""
    for field in fields.with_dcat("object"):
        if field.dcat.get("stock") or field.dcat.get("read"):
            continue
        values = [str(value) for value in graph.objects(ref, uri(field.dcat["property"]))]
        if values:
            dataset[field.name] = sorted(values) if field.has_several else values[0]


# --- texts in several languages -----------------------------------------------------------------


def _read_translations(graph: Graph, node: Any, target: DataDict, properties: Row) -> None:
    """Set the main text (French if available) and the translations of texts in several languages.

    ckanext-dcat writes translated fields, but reads them only for fields validated by
    ckanext-fluent.
    """
    for field, predicate in properties.items():
        literals = [value for value in graph.objects(node, predicate) if isinstance(value, Literal)]
        if len(literals) < 2:  # noqa: PLR2004 - one language, as ckanext-dcat has read it
            continue
        literals.sort()
        tagged = [(text.language, str(text)) for text in literals if text.language]
        texts, _others = languages.by_tag(tagged)
        plain = [str(text) for text in literals if not text.language]
        preferred = [texts.get(languages.FRENCH), *plain[:1], texts.get(languages.best(texts))]
        target[field] = next(filter(None, preferred), str(literals[0]))
        translations = languages.completed(target[field], texts)
        if translations:
            target[f"{field}{languages.SUFFIX}"] = translations


# --- rights, scale, identifiers, licence, resources ---------------------------------------------


def _read_statements(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read rights statements: by their type, else as conditions of use."""
    by_type = {field.dcat["statement"]: field.name for field in fields.with_dcat("statement")}
    for node in graph.objects(ref, DCT.rights):
        text = graph.value(node, RDFS.label)
        if text is None and isinstance(node, Literal):
            text = node
        if text is not None and str(node) not in voc.get("access-limitation"):
            kind = str(graph.value(node, DCT.type) or "").removeprefix(STATEMENTS)
            dataset[by_type.get(kind, "use_conditions")] = str(text)


def _read_scale(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the scale, and write the resolution in metres without needless decimals."""
    for node in graph.objects(ref, DQV.hasQualityMeasurement):
        value = graph.value(node, DQV.value)
        metric = graph.value(node, DQV.isMeasurementOf)
        if metric == GEODCAT.spatialResolutionAsScale and value is not None:
            fraction = float(str(value))
            if 0 < fraction <= 1:
                dataset["scale_denominator"] = str(round(1 / fraction))
    metres = dataset.get("spatial_resolution_in_meters")
    if metres not in (None, ""):
        dataset["spatial_resolution_in_meters"] = f"{float(str(metres)):.12g}"


def _read_identifiers(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the notation of other identifiers: ckanext-dcat 2.4 reads the id of their blank node."""
    nodes = graph.objects(ref, ADMS.identifier)
    identifiers = [str(graph.value(node, SKOS.notation, default=node)) for node in nodes]
    if identifiers:
        dataset["alternate_identifier"] = sorted(identifiers)


def _read_licence(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Set the licence of a dataset: that of all its distributions, else its own.

    Distributions with this licence lose theirs.
    """
    licences = voc.get("licences")
    resources = dataset.get("resources") or []
    own = {str(graph.value(node, RDFS.label) or node) for node in graph.objects(ref, DCT.license)}
    licences_of_files = {str(resource.get("license") or "") for resource in resources}
    # Several licences of files, or files without any, tell nothing about the dataset.
    name = _only(licences_of_files) or _only(own)
    common = licences.lookup(name)
    read_before = licences.get(dataset.get("license_id") or "")
    if common and (read_before is None or read_before == common or own):
        dataset["license_id"] = common.id
        for resource in resources:
            if resource.get("license") in (name, common.uri):
                del resource["license"]
    if not dataset.get("license_id"):
        dataset.pop("license_id", None)


def _only(values: set[str]) -> str:
    """Return the only value of a set; "" if there are none or several."""
    if len(values) != 1:
        return ""
    return next(iter(values))


def _complete_resource(resource: DataDict) -> None:
    """Undo what only DCAT-AP requires, and convert format and media type to those of the schema."""
    if resource.get("access_url") == resource.get("url"):
        resource.pop("access_url")
    for service in resource.get("access_services") or ():
        service.pop("access_service_ref", None)
        for field in ("contact", "publisher", "creator"):
            # ckanext-dcat reads one for each dataset of the feed that has the service.
            service[field] = distinct_rows(service.get(field) or ())
    file_format = voc.get("format").get(resource.get("format") or "")
    if file_format:
        resource["format"] = file_format.id
    media = str(resource.get("mimetype") or "").replace("http://", "https://")
    if media.startswith(IANA):
        resource["mimetype"] = media.removeprefix(IANA)
