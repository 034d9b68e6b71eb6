"""A question to the index: the interpreted query, from which Solr's parameters are built. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ckanext.ecosphere.search.relevance.words import Unit
from ckanext.ecosphere.vocabularies.gazetteer import Place


@dataclass(frozen=True, slots=True)
class Excluded:
    """Something that a query excludes ("sauf Vendée", "sans WMS", "hors inondation").

    Attributes:
        kind: `place`, `service`, `format` or `words`.
        title: name of the place, else the words as typed.
        field: index field of a place, service or format; "" for words.
        values: the field's excluded values.
        names: words and expressions of which title and keywords must have none.
    """

    kind: str
    title: str
    field: str = ""
    values: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question to be sent to Solr.

    Attributes:
        units: words and expressions.
        place: the place; None for anywhere.
        strict: whether results must be in the place, contain it or lie within it.
        service: names of organisations, if one was named.
        optional: number of units that a dataset may lack.
        core: whether only domain expressions are required, while other words only add to the score.
        maybe: place that some words may denote: it affects the score, but filters nothing.
        maybe_words: these words.
        first: the place's index value to rank first: the département named like the river.
        title: the whole query, normalised: datasets with exactly this title come first.
        excluded: what the results must not be about, lie in, or have as a format.
        formats: index values of formats: datasets with one of them rank higher.
        period: first and last year of a period: data of these years rank higher.
        identifier: the text, if it is an identifier or the name of a dataset: then all else is ignored.
        about: whether the units must be in the title or keywords, to count what is about them.
    """

    units: tuple[Unit, ...]
    place: Place | None = None
    strict: bool = True
    service: tuple[str, ...] = ()
    optional: int = 0
    core: bool = False
    maybe: Place | None = None
    maybe_words: tuple[str, ...] = ()
    first: str = ""
    title: str = ""
    excluded: tuple[Excluded, ...] = ()
    formats: tuple[str, ...] = ()
    period: tuple[int, int] | None = None
    identifier: str = ""
    about: bool = False
