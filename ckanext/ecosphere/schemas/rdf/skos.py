"""Write vocabularies as SKOS."""

from __future__ import annotations

from rdflib import DCTERMS, OWL, RDF, SKOS, Graph, Literal, URIRef

from ckanext.ecosphere import vocabularies as voc


def graph(vocabulary: voc.Vocabulary, scheme_uri: str) -> Graph:
    """Return the graph of a vocabulary: concept scheme, concepts, labels, hierarchy, replacements
    and exact matches.

    Args:
        vocabulary: the vocabulary.
        scheme_uri: URL of the vocabulary on this portal.
    """
    result = Graph()
    result.bind("skos", SKOS)
    scheme = URIRef(scheme_uri)
    result.add((scheme, RDF.type, SKOS.ConceptScheme))
    for concept in vocabulary:
        node = URIRef(concept.uri)
        result.add((node, RDF.type, SKOS.Concept))
        result.add((node, SKOS.inScheme, scheme))
        result.add((node, SKOS.notation, Literal(concept.id)))
        result.add((node, SKOS.prefLabel, Literal(concept.label_fr, lang="fr")))
        result.add((node, SKOS.prefLabel, Literal(concept.label_en, lang="en")))
        for label in concept.alt_labels:
            result.add((node, SKOS.altLabel, Literal(label)))
        if concept.broader:
            result.add((node, SKOS.broader, URIRef(concept.broader)))
        else:
            result.add((scheme, SKOS.hasTopConcept, node))
        if concept.data.get("withdrawn"):
            result.add((node, OWL.deprecated, Literal(True)))
            if replacement := vocabulary.get(str(concept.data.get("replaced_by") or "")):
                result.add((node, DCTERMS.isReplacedBy, URIRef(replacement.uri)))
        for other in concept.data.get("other_uris", ()):
            result.add((node, SKOS.exactMatch, URIRef(other)))
    return result
