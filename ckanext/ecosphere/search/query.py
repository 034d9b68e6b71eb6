"""Prepare the parameters of `package_search` before they reach Solr.

CKAN sends queries to Solr's dismax parser. Its default field list mixes analysed text with plain
strings (name, tags, groups): a stop word, removed from the text fields, remains a required word in
the string fields, so "les zones humides de la Loire" finds nothing. Here every field of the list
has the same analysis.

On CKAN's plain schema this works as well: the fields of the French schema are then empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ckan.common import _
from ckan.lib.search import SearchQueryError
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.shared import characters

LONGEST_QUERY = 2_000
"""Maximum characters of a query."""
MOST_CLAUSES = 50
"""Maximum words, fields and groups of a query in Solr's syntax."""
MOST_WILDCARDS = 10
MOST_FACET_VALUES = 1_000
MOST_FACETS = 50
RUNNING_TEXTS = frozenset(
    [
        "text",
        "title",
        "title_ngram",
        "name_ngram",
        "notes",
        "author",
        "maintainer",
        "res_name",
        "res_description",
        "urls",
        "ecosphere_tags",
        "ecosphere_resources",
        "ecosphere_words",
        "ecosphere_suggest",
    ]
)
"""Full-text fields: as facets, Solr would count every word of the catalogue."""
CLOSED = ("vocab_", "organization", "groups", "license_id", "res_format", "dataset_type")
"""Prefixes of fields with controlled values: only these may be faceted without a limit."""
LAST_START = 1_000_000
"""Maximum offset, since Solr collects and sorts everything before it."""
_LOCAL_PARAMETERS = re.compile(r"""\s*\{!((?:'[^']*'|"[^"]*"|[^}'"])*)""")
_OWN_PARSERS = ("frange", "edismax")
"""Parsers that CKAN lets through, for the filters of ckanext-spatial and of our own queries."""
_FIELDS = re.compile(r"[\w.*-]+")
_ORDER = re.compile(r"[\w.-]+\s+(?:asc|desc)", re.IGNORECASE)
_ACCEPTED = {"bf": (), "boost": (), "defType": ("dismax", "edismax"), "wt": ("json",)}
"""Parameters of Solr → the values that a caller may give them; the first two hold functions."""
_COSTLY = re.compile(r"[*?~]")
_CLAUSE_ENDS = re.compile(r"[\s()]+")
_SIDES = 4
MOST_DEGREES = 540
"""Maximum longitude: web maps go once around the Earth."""
#: The query that `relevance` is running: it is exempt from the limits on queries that users write
#: in Solr's syntax.
_written: ContextVar[str] = ContextVar("written", default="")


@contextmanager
def written(text: str) -> Iterator[None]:
    """Exempt a generated query from checks and changes within the block."""
    mark = _written.set(text)
    try:
        yield
    finally:
        _written.reset(mark)


def prepare(params: DataDict) -> DataDict:
    """Complete the parameters of a dataset search; explicit parameters of the caller are kept.

    Args:
        params: the data_dict of `package_search`, changed in place.

    Returns:
        the same dict, as `before_dataset_search` requires.

    Raises:
        SearchQueryError: the query exceeds a limit, see `check`.
    """
    query = str(params.get("q") or "")
    if not query or query != _written.get():
        _prepare_query(params, query)
    if params.get("facet.field"):
        params.setdefault("facet.limit", config.facet_limit())
    return params


def _prepare_query(params: DataDict, query: str) -> None:
    if not characters.is_clean(query):
        query = params["q"] = characters.clean(query)
    fielded = is_fielded(query[:LONGEST_QUERY])
    has_signs = not fielded and not params.get("defType") and has_syntax(query[:LONGEST_QUERY])
    if has_signs:
        query = params["q"] = without_strays(query)
    check(params, fielded or has_signs)
    if fielded:
        if not _PARSER_DEFINITION.match(query):
            params["q"] = fielded_with_phrases(query)
        return
    query = query.replace(":", " ")
    if has_signs and query.strip():
        params["defType"] = "edismax"
        params.setdefault("mm", minimum_of(query, config.minimum_match()))
        query = with_phrases(query)
    if query:
        params["q"] = query
    params.setdefault("qf", config.query_fields())
    params.setdefault("mm", config.minimum_match())
    params.setdefault("tie", config.tie())


# --- the limits of a search ---


def check(params: DataDict, fielded: bool) -> None:
    """Refuse a search that exceeds the limits; reduce facets to theirs.

    Args:
        params: the data_dict of `package_search`, changed in place.
        fielded: whether `q` is in Solr's syntax.

    Raises:
        SearchQueryError: the query is too long or too costly, the box is invalid, or a parameter is
            a function.
    """
    query = str(params.get("q") or "")
    if len(query) > LONGEST_QUERY:
        raise SearchQueryError(
            _("The search is too long: {number} characters at most.").format(number=LONGEST_QUERY)
        )
    if fielded:
        _check_fielded(query)
    texts = [params.get("q"), params.get("fq"), params.get("sort"), *(params.get("fq_list") or [])]
    if any(map(_names_our_parser, texts)):
        raise SearchQueryError(
            _("A search names no function of Solr: write words, or field:value.")
        )
    _check_parameters(params)
    box = (params.get("extras") or {}).get("ext_bbox")
    if box:
        _check_box(box)
    if _number(params.get("start")) > LAST_START:
        raise SearchQueryError(
            _("There are no pages beyond result {number}.").format(number=LAST_START)
        )
    _bound_facets(params)


def _check_parameters(params: DataDict) -> None:
    """Refuse functions in place of field names, and response formats that CKAN cannot read."""
    orders = [text.strip() for text in str(params.get("sort") or "").split(",")]
    if any(text and not _ORDER.fullmatch(text) for text in orders):
        raise SearchQueryError(_("Give the order as a text, for example: name asc"))
    fields = params.get("fl") or ()
    if not isinstance(fields, str):
        fields = " ".join(map(str, fields))
    names = re.split(r"[,\s]+", fields)
    if not all(_FIELDS.fullmatch(text) for text in names if text):
        raise SearchQueryError(_("Name the fields that you want, without functions."))
    odd = []
    for name, accepted in _ACCEPTED.items():
        if params.get(name) and params[name] not in accepted:
            odd.append(name)
    if odd:
        raise SearchQueryError(
            _("This cannot be asked here: {names}.").format(names=", ".join(odd))
        )


def _names_our_parser(text: Any) -> bool:
    # CKAN refuses local parameters elsewhere than at the start.
    match = _LOCAL_PARAMETERS.match(str(text or ""))
    return match is not None and any(parser in match[1] for parser in _OWN_PARSERS)


def _bound_facets(params: DataDict) -> None:
    fields = params.get("facet.field")
    if isinstance(fields, (list, tuple)):
        fields = params["facet.field"] = [
            field for field in fields if _named(field) not in RUNNING_TEXTS
        ][:MOST_FACETS]
    if params.get("facet.mincount") is not None:
        params["facet.mincount"] = max(1, _number(params["facet.mincount"]))
    limit = _number(params.get("facet.limit"))
    is_unlimited = limit == -1 and all(_named(field).startswith(CLOSED) for field in fields or ())
    if not is_unlimited and not 0 <= limit <= MOST_FACET_VALUES:
        params["facet.limit"] = MOST_FACET_VALUES


def _named(facet: Any) -> str:
    """Return the field of a facet, which may be preceded by our local parameters
    ("{!lucene ex=… key=…}res_format").
    """
    return str(facet).rpartition("}")[2]


def _check_fielded(query: str) -> None:
    if len(list(filter(None, _CLAUSE_ENDS.split(query)))) > MOST_CLAUSES:
        raise SearchQueryError(
            _("The search has too many parts: {number} at most.").format(number=MOST_CLAUSES)
        )
    outside_quotes = "".join(query.split('"')[::2])
    has_slash = "/" in outside_quotes.replace("\\/", "").replace("://", "")
    wildcards = _COSTLY.findall(query.replace("*:*", ""))  # "*:*" is everything
    if len(wildcards) > MOST_WILDCARDS or has_slash:
        message = _(
            "The search has too many wildcards: {number} at most, and no expression between"
            " slashes."
        )
        raise SearchQueryError(message.format(number=MOST_WILDCARDS))


def _check_box(box: Any) -> None:
    """Refuse an invalid box: ckanext-spatial normalises any number with a loop that may never end.

    Longitudes may go once around the Earth, as web maps write them.
    """
    sides = box if isinstance(box, (list, tuple)) else str(box).split(",")
    try:
        west, south, east, north = (float(str(side)[:40]) for side in sides[: _SIDES + 1])
    except ValueError:
        raise SearchQueryError(_("Give the box as west,south,east,north in degrees.")) from None
    # Comparisons with NaN are false.
    in_width = -MOST_DEGREES <= west <= east <= min(MOST_DEGREES, west + 360)
    if not in_width or not -90 <= south <= north <= 90:  # noqa: PLR2004 - degrees
        raise SearchQueryError(
            _(
                "The box does not exist: longitudes from -180 to 180, latitudes from -90 to 90,"
                " south below north."
            )
        )


def _number(value: Any) -> int:
    try:
        return int(str(value)[:20])
    except ValueError:
        return 0


# --- queries in Solr's syntax ---

# The index has no stop words, and a word with a multi-word synonym occupies as many positions; a
# quoted phrase is matched position by position, so it would not even find the title that it was
# copied from.

# Solr's "field:value". CKAN treats any colon as such, which breaks queries such as "Natura 2000 :
# les sites" and pasted URLs.
_FIELDED = re.compile(
    r"(?:^|[\s(+!-])(?!https?:|urn:)[a-z*][\w*-]{0,60}:(?=[\w\"(\[{*])", re.IGNORECASE
)
_PARSER_DEFINITION = re.compile(r"^\s*\{!")
SIGNS = re.compile(r'["*~^{}]|\|\||(?:^|\s)[+!]\w|&&')
"""Solr's special characters; not mere brackets ("Forges (17)"), nor a sign between words ("eau +
déchets"), nor a minus, which is read with the words that exclude something."""
OPERATORS = re.compile(r"\S\s+(?:AND|OR)\s+\S")
"""Solr's operators, not considered if the whole query is in capitals ("PLU COTE D OR BEAUNE")."""
EITHER = re.compile(r"\s(?:OR|\|\|)(?=\s)")
"""The OR operator."""
_BOTH = re.compile(r"\s(?:AND|&&)\s|(?:^|\s)NOT\s")
_PHRASE = re.compile(r'(?<![\w"])(?P<field>\w{1,60}:)?"(?P<text>[^"]{1,400})"(?![~\w])')
_GROUP = re.compile(r'(\b\w{1,60}:\((?:[^()"]|"[^"]{0,400}"){0,400}\))')
_BEGINNING = re.compile(r'(?<![\w:"*])(?P<word>[^\W_]{2,40})\*(?![\w*"])')
_ODD = re.compile(r"/|\?(?=\s|$)|(?<!\S)\*(?!\S)")
_ANALYSED = re.compile(
    r"(?:title|notes|text|ecosphere_tags|ecosphere_resources|extras_\w+|res_extras_\w+):"
)
"""Fields with French analysis: others hold unanalysed values."""
_WORDS_FIELD = "ecosphere_words"
"""Index field of the words of titles and keywords, unstemmed."""
_EXACT = 3
"""Boost of titles and keywords that contain the exact words."""


def is_fielded(query: str) -> bool:
    """Return whether a query is in Solr's syntax ("tags:eau", "*:*") rather than in words."""
    return bool(_FIELDED.search(query) or _PARSER_DEFINITION.match(query))


def has_syntax(text: str) -> bool:
    """Return whether a query without fields uses Solr's special characters or operators."""
    if text.count('"') == 1:
        text = text.replace('"', " ")  # unbalanced or accidental
    return bool(SIGNS.search(text) or (OPERATORS.search(text) and not text.isupper()))


def is_choice(text: str) -> bool:
    """Return whether `OR` between words is the only Solr syntax of a query."""
    plain = EITHER.sub(" ", text)
    return plain != text and not text.isupper() and not has_syntax(plain)


def minimum_of(text: str, minimum: str) -> str:
    """Return Solr's `mm` for such a query: one clause suffices if `OR` is the only operator."""
    if EITHER.search(text) and not _BOTH.search(text):
        return "1"
    return minimum


def without_strays(text: str) -> str:
    """Return a query without fields, without "/", " ? " and " * ",
    which would be an expression or match everything.
    """
    return _outside_quotes(text, lambda part: _ODD.sub(" ", part)).strip()


def with_phrases(text: str) -> str:
    """Return a query without fields, adapted to the index, for Solr's edismax parser."""
    text = _outside_quotes(text, lambda part: _BEGINNING.sub(_begins, part))
    return _PHRASE.sub(lambda match: _phrase(match, loosely=True), text)


def _outside_quotes(text: str, change: Callable[[str], str]) -> str:
    """Return a text of which each part outside of quotation marks is changed."""
    parts = re.split(r'("[^"]*")', text)
    parts[::2] = map(change, parts[::2])  # every second part is quoted
    return "".join(parts)


def fielded_with_phrases(text: str) -> str:
    """Return a query with fields, with phrases adapted to the index.

    Values of unanalysed fields are unchanged.
    """
    # Every second part is a parenthesised group of values of one field.
    parts = _GROUP.split(text)
    for number, part in enumerate(parts):
        is_group = number % 2 == 1
        if not is_group or _ANALYSED.match(part):
            parts[number] = _PHRASE.sub(lambda match: _phrase(match, loosely=False), part)
    return "".join(parts)


def _begins(match: re.Match[str]) -> str:
    start = voc.normalise(match["word"])
    return f"({start}* OR {_WORDS_FIELD}:{start}*)"


def _phrase(match: re.Match[str], *, loosely: bool) -> str:
    field, text = match["field"] or "", match["text"]
    if field and not _ANALYSED.fullmatch(field):
        return match[0]
    typed = words.read_all(text)
    content = words.without_stop_words(typed)
    if not content or re.search(r"[\\*?]", text):
        return match[0]
    slop = len(typed) - len(content) + words.lengthened([word.stem for word in content])
    near = f'{field}"{" ".join(word.typed for word in content)}"~{slop}'
    if loosely and not field:
        return f'({near} OR {_WORDS_FIELD}:"{text}"^{_EXACT})'
    return near
