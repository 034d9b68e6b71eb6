"""The search page: its address, chosen filters, how the query was understood, results, and facets.

Functions whose names begin with `ecosphere_search_` are helpers of templates.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import unescape
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from markupsafe import Markup, escape

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import config, facets
from ckanext.ecosphere.search.index import TERRITORY_FIELD, UPDATED_FIELD
from ckanext.ecosphere.search.relevance import understanding, words
from ckanext.ecosphere.search.relevance.places import is_table_name, table_parts
from ckanext.ecosphere.search.relevance.search import (
    EVERYWHERE,
    KEY,
    PLACE_PARAMETER,
    TYPED_PARAMETER,
)
from ckanext.ecosphere.shared import contact_details, dates, language, reach, template_helpers
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.shared.web_guard.incoming import refuse_too_many
from ckanext.ecosphere.vocabularies import communes

#: Prefix of parameters that change the display, not the results; CKAN does not treat them as
#: filters.
VIEW = "_"
MAP = "_map"
"""The only such parameter kept in links: whether the map is shown."""
_PLUGINS = "ext_"
_NO_FILTERS = frozenset({"q", "page", "sort"})
"""Parameters that are no filters, beside those that begin with "_" or "ext_"; CKAN takes all
others."""

Pairs = list[tuple[str, str]]


class Address:
    """The query string of a search page, without its page number.

    Args:
        pairs: names and values of the parameters, in order.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs: Pairs = [(name, value) for name, value in pairs if name != "page" and value]

    @classmethod
    def current(cls) -> Address:
        """Return the query string of the current page, without display
        parameters except that of the map.
        """
        args = tk.request.args.items(multi=True)
        return cls(pair for pair in args if not pair[0].startswith(VIEW) or pair[0] == MAP)

    @property
    def filters(self) -> Pairs:
        """Return the chosen facet values."""
        return [
            pair
            for pair in self.pairs
            if pair[0] not in _NO_FILTERS and not pair[0].startswith((_PLUGINS, VIEW))
        ]

    @cached_property
    def chosen(self) -> dict[str, list[str]]:
        """Return the chosen values by facet."""
        values_by_facet: dict[str, list[str]] = {}
        for field, value in self.filters:
            values_by_facet.setdefault(field, []).append(value)
        return values_by_facet

    def url(self, **more: str) -> str:
        """Return the URL, with further parameters."""
        return f"?{urlencode([*self.pairs, *more.items()])}"

    def with_value(self, field: str, value: str) -> str:
        """Return the URL with a value chosen; in a tree, it replaces values above and below it."""
        above = facets.ancestors(field, value)
        replaced = []
        for other in self.chosen.get(field, ()):
            if other in above or value in facets.ancestors(field, other):
                replaced.append((field, other))
        return self.without(*replaced).url(**{field: value})

    def without(self, *pairs: tuple[str, str | None]) -> Address:
        """Return the query string without some parameters; None stands for any value."""
        return Address(
            pair for pair in self.pairs if pair not in pairs and (pair[0], None) not in pairs
        )


def ecosphere_search_parameters() -> list[tuple[str, str]]:
    """Return the parameters that the search form of the page keeps: all filters,
    but neither words nor order.
    """
    return [pair for pair in Address.current().pairs if pair[0] not in ("q", "sort")]


def ecosphere_search_map_urls() -> dict[str, str]:
    """Return the URLs that show or hide the map, and that of the page on which an area is chosen.

    Returns:
        `toggle`; `area`, "" without search by area or on other pages than that of all datasets.
    """
    here = Address.current()
    if tk.request.args.get(MAP):
        toggled = here.without((MAP, None)).url()
    else:
        toggled = here.url(**{MAP: "1"})
    area = ""
    if tk.request.endpoint == "dataset.search" and tk.h.plugin_loaded("spatial_query"):
        area = tk.h.url_for("ecosphere_search.area") + here.url()
    return {"toggle": toggled, "area": area}


LIMITED_PAGES = ("dataset.search", "organization.read", "group.read")


def limit() -> None:
    """Count a page with several filters for the address of an anonymous visitor.

    Raises:
        HTTPException: too many of them in a short time.
    """
    if tk.request.endpoint not in LIMITED_PAGES or tk.current_user.is_authenticated:
        return
    if len(Address.current().filters) <= 1:
        return
    try:
        rate_limits.hit(
            "search-combinations", config.combination_limits(), rate_limits.address(), fallback=True
        )
    except rate_limits.TooMany as error:
        sentence = _("Many searches with several filters came from your address in a short time.")
        refuse_too_many(error, sentence)


# --- chosen filters ---


AREA = "ext_bbox"
OF_AREA = (AREA, "ext_area")
"""Parameters of an area: box and name."""


@dataclass(frozen=True)
class Chip:
    """A chosen filter.

    Attributes:
        title: title of the facet.
        url: URL of the page without it.
    """

    title: str
    label: str
    url: str


def ecosphere_search_chips(titles: dict[str, str], search_facets: DataDict | None) -> list[Chip]:
    """Return the chosen filters of the page, with the URLs that remove them.

    Args:
        titles: field → title of the facet.
        search_facets: as returned by `package_search`.
    """
    address = Address.current()
    chips = []
    for field, value in dict.fromkeys(address.filters):
        title = titles.get(field) or _title(field)
        label = facet_label(field, value, search_facets)
        chips.append(Chip(title, label, address.without((field, value)).url()))
    plugins = dict(address.pairs)
    place = plugins.get(facets.COVERS)
    if place:
        label = facets.place_label(place, language.current()) or place
        chips.append(Chip(_("Covers"), label, address.without((facets.COVERS, None)).url()))
    if AREA in plugins:
        chips.append(area_chip(plugins))
    return chips


def area_chip(plugins: dict[str, str]) -> Chip:
    """Return the chip of the area of the current page.

    Args:
        plugins: URL parameters that begin with `ext_`.
    """
    url = Address.current().without(*((name, None) for name in OF_AREA)).url()
    return Chip(_("Area"), plugins.get("ext_area") or _("as on the map"), url)


def _title(field: str) -> str:
    """Return the title of a filter that is not a facet of the page, from an external link."""
    names = {
        "res_format": _("Format"),
        "tags": _("Keywords"),
        "vocab_ecosphere_in_series": _("Series"),
    }
    return names.get(field, field)


def facet_label(facet: str, value: str, search_facets: DataDict | None = None) -> str:
    """Return the label of a chosen facet value, even if no result has it any more."""
    items = (search_facets or {}).get(facet, {}).get("items", [])
    default = next((item["display_name"] for item in items if item["name"] == value), "")
    if not default and facet == "organization":
        default = (tk.h.get_organization(value) or {}).get("title", "")
    elif not default and facet == "id":
        default = _title_of(value)
    return facets.label(facet, value, language.current(), default)


def _title_of(dataset: str) -> str:
    """Return the title of a followed dataset, "" if the reader may not see it."""
    try:
        package = tk.get_action("package_show")({}, {"id": dataset})
    except (tk.ObjectNotFound, tk.NotAuthorized, tk.ValidationError):
        return ""
    return str(package.get("title") or "")


# --- how the query was understood ---


_REPORTED = ("place", "corrected", "fewer_words", "unsaid", "excluded", "missing")
"""Parts of the interpretation of a query that the page reports."""


def ecosphere_search_understood(query: str) -> DataDict | None:
    """Return how the query of this page was interpreted, with URLs to change that; None if there is
    nothing to show.

    Args:
        query: the query, as typed.
    """
    summary = getattr(tk.g, KEY, {}).get(query)
    if not summary or not any(summary[name] for name in _REPORTED):
        return None
    places = [
        {**place, "url": same_page(PLACE_PARAMETER, place["id"])}
        for place in summary["other_places"]
    ]
    return {
        **summary,
        "other_places": places,
        "everywhere_url": same_page(PLACE_PARAMETER, EVERYWHERE),
        "typed_url": same_page(TYPED_PARAMETER, "1"),
        "around_url": same_page(PLACE_PARAMETER, understanding.AROUND),
        "included_url": same_page("q", summary["wanted"]),
    }


def same_page(name: str, value: str) -> str:
    """Return the URL of the first page of these results, with one parameter changed."""
    others = [
        (key, text) for key, text in tk.request.args.items(multi=True) if key not in (name, "page")
    ]
    return f"{tk.h.url_for(tk.request.path)}?{urlencode([*others, (name, value)])}"


def ecosphere_search_sorting() -> list[tuple[str, str]]:
    """Return the choices of the sort menu: (label, Solr sort)."""
    choices = [(_("Relevance"), "score desc, metadata_modified desc")]
    if tk.h.plugin_loaded("ecosphere_quality"):
        choices.append((_("Quality"), "ecosphere_quality_score desc, metadata_modified desc"))
    return [
        *choices,
        (_("Most recently updated"), f"{UPDATED_FIELD} desc, metadata_modified desc"),
        (_("Title, A to Z"), "title_string asc"),
        (_("Title, Z to A"), "title_string desc"),
    ]


# --- results ---


MEMBERS = "ecosphere_members"
"""Key of the datasets grouped under a result."""
RANK = "ecosphere_rank"
"""Key of the rank of a result on the page, from 1."""
_EXCERPT = 180
MAX_MARKED = 500
_MOST_PLACES = 2
_MOST_FORMATS = 4
_YEAR = re.compile(r"\d{4}")
_MONTH = re.compile(r"[1-9]\d{3}-(?:0[1-9]|1[0-2])")

Dataset = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """A way of accessing the data.

    Attributes:
        id: id in the vocabulary `data-access`.
        formats: the first formats available this way.
    """

    id: str
    label: str
    formats: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A dataset as a result.

    Attributes:
        title, excerpt: HTML, with the search words marked.
        readable: what a table name used as the title stands for ("DFCI piste – Landes"), else "".
        producer: who made the data, "" if that is unknown.
        publisher: title of the service, if it is not known to have made the data.
    """

    title: Markup
    readable: str
    excerpt: Markup
    places: str
    date: str
    producer: str
    publisher: str
    ways: tuple[Way, ...]


def ecosphere_search_result(dataset: Dataset) -> Result:
    """Return a dataset as a search result, with the words of the page's search marked."""
    typed = tk.request.args.get("q", "")
    summary = getattr(tk.g, KEY, {}).get(typed) or {}
    return of_dataset(dataset, (summary.get("marked") or typed)[:MAX_MARKED])


def of_dataset(dataset: Dataset, query: str) -> Result:
    """Return the search result of a dataset.

    Args:
        dataset: as returned by `package_search`.
        query: the words of the search.
    """
    lang = language.current()
    words = words_of(query)
    notes = tk.h.markdown_extract(tk.h.get_translated(dataset, "notes"), extract_length=0) or ""
    service = dataset.get("organization") or {}
    title = tk.h.get_translated(dataset, "title") or dataset["name"]
    title = template_helpers.shown_title(title, dataset.get("dcat_type"))
    service_title = service.get("title") or service.get("name") or ""
    authorship = contact_details.makers_of(dataset)
    producers, publisher = list(authorship.others), service_title
    if authorship.made_here:
        producers, publisher = [service_title, *producers], ""
    return Result(
        title=mark(title, words),
        readable=_readable(title),
        excerpt=mark(excerpt(unescape(str(notes)), words, _EXCERPT), words),
        places=places(dataset.get("territory"), lang),
        date=date(dataset),
        producer=", ".join(filter(None, producers)),
        publisher=publisher,
        ways=tuple(ways(dataset, lang)),
    )


def _readable(title: str) -> str:
    """Return what a table name used as a title stands for; "" for other titles.

    >>> _readable("N_DFCI_PISTE_L_040")
    'DFCI piste – Landes'
    """
    if not is_table_name(title):
        return ""
    own, place = table_parts(title.strip())
    units = words.units(words.read(" ".join(own)))
    names = [words.spellings().get(words.key_of(unit.text), unit.text.lower()) for unit in units]
    text = " ".join(names)
    text = text[:1].upper() + text[1:]
    if place and text:
        return f"{text} – {place.title}"
    return text


def places(value: Any, lang: str) -> str:
    """Return the names of a dataset's territories: the first two, and how many others."""
    keys = facets.values(value)
    known = voc.get("territories")
    names = [commune.name for commune in filter(None, map(communes.get, keys))]
    names += [territory.label(lang) for territory in filter(None, map(known.get, keys))]
    more = len(names) - _MOST_PLACES
    if more > 1:
        return _("{places} and {number} others").format(
            places=", ".join(names[:_MOST_PLACES]), number=more
        )
    return ", ".join(names)


def date(dataset: Dataset) -> str:
    """Return the date of the data, else that of the record:
    a record harvested today may describe ten-year-old data.
    """
    modified = text = str(dataset.get("modified") or "")
    if _MONTH.fullmatch(modified):
        text = dates.month(modified)
    elif not _YEAR.fullmatch(modified):
        text = dates.day(modified)
    if text:
        return _("Data updated: {date}").format(date=text)
    written = dates.day(dataset.get("metadata_modified"))
    if written:
        return _("Record updated on {date}").format(date=written)
    return ""


def ways(dataset: Dataset, lang: str) -> list[Way]:
    """Return the ways of accessing the data, with the formats of each."""
    formats = reach.formats_by_way(dataset)
    labels = voc.get("data-access")
    return [
        Way(way, labels[way].label(lang), tuple(formats.get(way, ())[:_MOST_FORMATS]))
        for way in reach.ways(dataset)
    ]


def ecosphere_search_grouped(datasets: list[Dataset]) -> list[Dataset]:
    """Group the datasets of a page that belong together under the first of them, in `MEMBERS`, and
    number the results.

    A series itself comes first in its group if it is on the page. The order of the others is kept.
    """
    groups: dict[str, list[Dataset]] = {}
    by_name = {name: key for key, names in map(_identity, datasets) for name in names}
    for dataset in datasets:
        groups.setdefault(_key(dataset, by_name), []).append(dataset)
    return [{**_with_members(group), RANK: rank} for rank, group in enumerate(groups.values(), 1)]


def _with_members(group: list[Dataset]) -> Dataset:
    series = (dataset for dataset in group if template_helpers.is_series(dataset.get("dcat_type")))
    first = next(series, group[0])
    return {**first, MEMBERS: [dataset for dataset in group if dataset is not first]}


def _key(dataset: Dataset, series: dict[str, str]) -> str:
    own = _identity(dataset)[0]
    if own:
        return own
    for reference in facets.values(dataset.get("in_series")):
        return series.get(reference, reference)
    if dataset.get("title"):
        return f"{dataset.get('owner_org')} {voc.normalise(dataset['title'])}"
    return str(dataset.get("id"))


def _identity(dataset: Dataset) -> tuple[str, list[str]]:
    """Return the group key of a series and the identifiers by which its members may refer to it."""
    if not template_helpers.is_series(dataset.get("dcat_type")):
        return "", []
    fields = ("metadata_identifier", "name", "id", "identifier", "uri")
    names = [str(dataset[key]) for key in fields if dataset.get(key)]
    return names[0], names


ecosphere_search_month = dates.month


# --- the words of the search, marked ---


_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 2
_ENDINGS = (
    ("eaux", "eau"),
    ("aux", "al"),
    ("ales", "al"),
    ("ees", "e"),
    ("es", ""),
    ("s", ""),
    ("x", ""),
    ("e", ""),
)
_SHORTEST_STEM = 3
MOST_WORDS = 20


@lru_cache(maxsize=256)
def words_of(query: str) -> frozenset[str]:
    """Return the stems of the words of a query without stop words, at most `MOST_WORDS`."""
    stems = []
    for word in _WORD.findall(query):
        stem = _stem(word)
        if len(stem) >= _SHORTEST and voc.normalise(word) not in words.stop_words():
            stems.append(stem)
    return frozenset(stems[:MOST_WORDS])


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    """Return a word without case, accents and plural and feminine endings.

    >>> _stem("Protégées"), _stem("réseaux"), _stem("régionales"), _stem("ain")
    ('proteg', 'reseau', 'regional', 'ain')
    """
    folded = voc.normalise(word)
    for ending, instead in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= _SHORTEST_STEM:
            folded = folded[: len(folded) - len(ending)] + instead
            break
    if folded.endswith("e") and len(folded) > _SHORTEST_STEM:
        return folded[:-1]
    return folded


def mark(text: str, words: Collection[str]) -> Markup:
    """Return a text as HTML with `<mark>` around the words.

    Args:
        text: plain text.
        words: stems, as returned by `words_of`.
    """
    marked = Markup()
    end = 0
    for begin, until in _matches(text, words):
        marked += escape(text[end:begin]) + Markup("<mark>%s</mark>") % text[begin:until]
        end = until
    return marked + escape(text[end:])


def excerpt(text: str, words: Collection[str], length: int) -> str:
    """Return the beginning of a text, or the part with the first search word if the beginning has
    none.

    Args:
        text: plain text.
        words: stems, as returned by `words_of`.
        length: maximum number of characters, without ellipses.
    """
    if len(text) <= length:
        return text
    first = next((begin for begin, _end in _matches(text, words)), 0)
    begin = 0
    if first > length * 3 // 4:
        begin = text.rfind(" ", 0, max(first - length // 4, 0)) + 1
    cut = text[begin : begin + length]
    if begin + length < len(text):
        cut = cut.rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
    if begin:
        return f"…{cut}"
    return cut


def _matches(text: str, words: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _WORD.finditer(text):
        if _stem(match[0]) in words:
            yield match.span()


# --- facets ---


WHOLE = "_facet"
"""Parameter: the facet whose values are all shown."""
FIND = "_find"
"""Parameter: words to look for in the values of that facet."""
_LONGEST_WORDS = 100


@dataclass(frozen=True)
class Value:
    """A facet value, with its child values that are shown.

    Attributes:
        url: URL that chooses the value, or removes it if chosen.
        open: whether the children are initially expanded.
    """

    label: str
    count: int
    url: str
    active: bool
    children: tuple[Value, ...]
    open: bool


@dataclass(frozen=True)
class ShownFacet:
    """A facet of a page.

    Attributes:
        number: number of its values, shown or not.
        open: whether it is initially expanded.
        all_url: URL that shows all values, "" if all are shown.
        whole: whether all values are shown on request.
        less_url: URL back to the default view, if `whole`.
        find: words to look for in the values.
        parameters: URL parameters kept by the form that takes these words.
        covering: labels and URLs of searches for datasets that cover the chosen territories.
    """

    field: str
    title: str
    values: tuple[Value, ...]
    number: int
    open: bool
    all_url: str
    whole: bool
    less_url: str
    find: str
    parameters: tuple[tuple[str, str], ...]
    covering: tuple[tuple[str, str], ...] = ()


def ecosphere_search_facets(
    titles: dict[str, str], search_facets: DataDict | None
) -> list[ShownFacet]:
    """Return the facets of the current page that have values.

    Args:
        titles: field → title, in the order of the page.
        search_facets: as returned by `package_search`.
    """
    shown = []
    for field, title in titles.items():
        items = (search_facets or {}).get(field, {}).get("items") or []
        if items or field == tk.request.args.get(WHOLE):
            shown.append(_shown_facet(field, title, items))
    return shown


def _shown_facet(field: str, title: str, items: list[DataDict]) -> ShownFacet:
    """Return a facet: by default its first values, on request all values,
    or those with the words to look for.
    """
    address = Address.current()
    facet = facets.of_field(field)
    chosen = set(address.chosen.get(field, ()))
    nodes = facets.tree(field, [{**item, "active": item["name"] in chosen} for item in items])
    whole = tk.request.args.get(WHOLE) == field
    find, all_url, less_url, parameters, covering = "", "", "", (), ()
    if whole:
        find = tk.request.args.get(FIND, "")[:_LONGEST_WORDS]
        less_url = f"{address.url()}#facet-{field}"
        parameters = (*address.pairs, (WHOLE, field))
    elif any(node.children for node in nodes) or len(nodes) > facet.shown:
        all_url = f"{address.url(**{WHOLE: field})}#facet-{field}"
    if field == TERRITORY_FIELD and chosen:
        covering = _covering(address)
    values = _Values(field, address, facet.shown, whole, voc.normalise(find).split())
    return ShownFacet(
        field=field,
        title=title,
        values=values.of(nodes),
        number=len(items),
        open=facet.open or whole or bool(chosen),
        all_url=all_url,
        whole=whole,
        less_url=less_url,
        find=find,
        parameters=parameters,
        covering=covering,
    )


def _covering(address: Address) -> tuple[tuple[str, str], ...]:
    """Return links, for each chosen territory, to the datasets that cover
    it instead of those within it.
    """
    elsewhere = address.without((TERRITORY_FIELD, None), (facets.COVERS, None))
    covering = []
    for place in address.chosen[TERRITORY_FIELD]:
        label = facets.place_label(place, language.current())
        if label:
            covering.append((label, elsewhere.url(**{facets.COVERS: place})))
    return tuple(covering)


@dataclass(frozen=True)
class _Values:
    """What the values of a facet are shown with.

    Attributes:
        most: number of values shown by default, beside the chosen ones.
        whole: whether all are shown.
        words: words that those shown begin with; empty for any.
    """

    field: str
    address: Address
    most: int
    whole: bool
    words: list[str]

    def of(self, nodes: list[facets.Node]) -> tuple[Value, ...]:
        """Return the values to show among some, with those below them."""
        if self.whole:
            nodes = list(filter(self._has_words, nodes))
        else:
            nodes = [*nodes[: self.most], *(node for node in nodes[self.most :] if node.chosen)]
        return tuple(map(self._value, nodes))

    def _value(self, node: facets.Node) -> Value:
        item = node.item
        if item["active"]:
            url = self.address.without((self.field, item["name"])).url()
        else:
            url = self.address.with_value(self.field, item["name"])
        if self.whole:
            url = f"{url}&{WHOLE}={self.field}#facet-{self.field}"
        children = ()
        if self.whole or node.chosen:
            children = self.of(node.children)
        is_open = node.chosen or bool(self.words)
        return Value(item["display_name"], item["count"], url, item["active"], children, is_open)

    def _has_words(self, node: facets.Node) -> bool:
        """Return whether a value, or one below it, has words that begin with those to look for."""
        label = f" {voc.normalise(node.item['display_name'])}"
        has_words = all(f" {word}" in label for word in self.words)
        return has_words or any(map(self._has_words, node.children))
