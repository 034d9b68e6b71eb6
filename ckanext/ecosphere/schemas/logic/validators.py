"""Validators of single fields, named in ``dataset.yaml`` and ``presets.yaml``.

Error messages tell users what to do, not only what is wrong. Validators must be fast, since a
harvest runs them all on 30 000 records: look-ups are dictionary reads, and everything that depends
only on the schema is cached.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import bounds, dates, links
from ckanext.ecosphere.dataset.dates import parse_moment
from ckanext.ecosphere.dataset.view import Row, as_list, flat_rows
from ckanext.ecosphere.schemas import places, urls
from ckanext.ecosphere.shared import action_input, characters, contact_details
from ckanext.ecosphere.vocabularies import communes
from ckanext.scheming.validation import scheming_validator

Validator = Callable[..., Any]
FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]

#: Patterns of values that open vocabularies accept besides their own concepts, by name of the
#: vocabulary.
OPEN_PATTERNS = {
    "epsg": r"https?://www\.opengis\.net/def/crs/[\w./-]+",
    "language": r"http://publications\.europa\.eu/resource/authority/language/[A-Z]{3}",
    "hvd-category": r"http://data\.europa\.eu/bna/c_[0-9a-f]{8}",
    "temporal-resolution": dates.STORED,
    "territories": r"http://id\.insee\.fr/geo/[a-zA-Z-]+/[0-9A-Za-z-]+",
    "publisher-type": r"https?://[^\s<>\"\\]+",
    "protocol": r"[\w:.+/ -]{1,80}",
    "agent-role": r"https?://[^\s<>\"\\]+|[A-Za-z]{1,40}",
    "checksum-algorithm": r"[\w.:/#-]{1,120}",
    "encoding": r"[\w.:()/ -]{1,60}",
}
_EPSG_CODE = re.compile(
    r"(?:urn:ogc:def:crs:EPSG:[\d.]*:|EPSG[: ]?|.*\bEPSG[: ]+)(\d{4,6})\)?", re.IGNORECASE
)
_BLANKS = re.compile(r"[\s\u00a0\u202f]")
#: A denominator, optionally with points between thousands, or with zero decimals as exported by
#: spreadsheets.
_SCALE = re.compile(
    r"(?:1[:/])?([1-9][0-9]{0,2}(?:\.[0-9]{3}){1,3}|[1-9][0-9]{0,9}(?=\.0|$))(?:\.0{1,9})?"
)
_TAG = re.compile(r"[^,<>\"\x00-\x1f\x7f\u2028\u2029]*")


def add_error(errors: Errors, key: tuple[Any, ...], message: str) -> None:
    """Add a message once; for a group whose rows have errors, at the first of these,
    as CKAN cannot report both.
    """
    if len(key) == 1:
        key = next((deep for deep in errors if deep[0] == key[0] and len(deep) > 1), key)
    messages = errors.setdefault(key, [])
    if message not in messages:
        messages.append(message)


# --- whole dataset ---


def ecosphere_bounds(key: Any, data: FlatData, errors: Errors, context: Any) -> None:
    """Clean the texts of a flattened dataset; refuse texts that are too long, and lists with too
    many values.

    It runs before the validators of single fields, so that they never process texts of unlimited
    length.
    Values that are too long are also truncated for the following validators; the error prevents
    saving.

    Raises:
        ValidationError: a list has too many rows. CKAN cannot report an error of a list beside
            those of its rows, which need not be validated either.
    """
    rows: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for place in data:
        for depth in range(1, len(place), 2):
            rows[place[:depth]].add(place[depth])
    for place, numbers in rows.items():
        most = bounds.most(str(place[-1]))
        if len(numbers) > most:
            message: Any = _("Too many rows: {number} at most.").format(number=most)
            if place[0] == "tags":
                message = {"name": [message]}  # CKAN expects errors of tags by their name
            raise tk.ValidationError({str(place[0]): [message]})
    for place, value in list(data.items()):
        if isinstance(value, (str, list, tuple)):
            data[place] = _bounded(place, value, errors)


def _bounded(place: tuple[Any, ...], value: Any, errors: Errors) -> Any:
    # The values of extras are under the key "value", so the general limits apply to them.
    field = str(place[-1])
    if isinstance(value, str):
        longest = bounds.longest(field)
        if not characters.is_clean(value):
            value = characters.clean(value)
        if len(value) > longest:
            message = _("Too long: {number} characters at most.").format(number=longest)
            errors.setdefault(place, []).append(message)
        return value[:longest]
    most = bounds.most(field)
    if len(value) > most:
        message = _("Too many values: {number} at most.").format(number=most)
        errors.setdefault(place, []).append(message)
    parts = list(value[:most])
    for number, part in enumerate(parts):
        if isinstance(part, str):
            parts[number] = _bounded(place, part, errors)
    return parts


# --- texts, dates and addresses ---


def ecosphere_text(value: Any) -> Any:
    """Return a text without control and invisible characters or surrounding blanks, with normalised
    line breaks.

    Raises:
        Invalid: the value is neither a text nor a number.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise tk.Invalid(_("Give one text here."))
    return characters.clean(str(value))


def ecosphere_name_from_title(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Generate the missing name of a new dataset from its title.

    The form's script normally fills it in; without JavaScript, users would not know what is
    missing. For forms only (`save`): the API requires a name, as in CKAN.
    """
    if not context.get("save") or "package" in context or data.get(key):
        return
    title = str(data.get(("title",)) or "")
    data[key] = action_input.free_name(title, model.Package.get)
    if not title.strip():
        raise tk.StopOnError  # only the missing title is reported


def ecosphere_title_given(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Require a title in forms, and in the API if there is no name:
    CKAN would use the name as title.
    """
    title = data.get(key)
    is_filled = isinstance(title, str) and bool(title.strip())
    if not is_filled and (context.get("save") or not data.get(("name",))):
        errors[key].append(_("Missing value"))
        raise tk.StopOnError
    if title not in (None, "", tk.missing):
        try:
            data[key] = ecosphere_text(title)
        except tk.Invalid as error:
            errors[key].append(error.error)
            raise tk.StopOnError from error


def ecosphere_date(value: Any) -> Any:
    """Return a day, a month or a year in ISO form.

    Raises:
        Invalid: it is not a date.
    """
    if isinstance(value, dt.datetime):
        value = value.isoformat()
    elif isinstance(value, dt.date):
        return value.isoformat()
    try:
        return parse_moment(str(value))
    except ValueError as error:
        message = _('"{value}" is not a date: write it as 31/03/2024, 03/2024, March 2024 or 2024')
        raise tk.Invalid(message.format(value=value)) from error


def ecosphere_url(value: Any) -> Any:
    """Return a web address.

    Raises:
        Invalid: it is not an absolute http or https address.
    """
    text = str(value).strip(" ")
    if not urls.is_web_address(text):
        message = _('"{value}" is not a web address: it must start with https:// or http://')
        raise tk.Invalid(message.format(value=value))
    return text


def ecosphere_uri(value: Any) -> Any:
    """Return a URI: a web address or a URN.

    Raises:
        Invalid: it is neither.
    """
    text = str(value).strip(" ")
    if not urls.is_uri(text):
        message = _('"{value}" is not an identifier: it must start with https://, http:// or urn:')
        raise tk.Invalid(message.format(value=value))
    return text


def ecosphere_resource_url(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Accept a web or FTP address, or the name of an uploaded file.

    Raises:
        Invalid: it is neither.
    """
    value = str(data[key]).strip(" ")
    if data.get((*key[:-1], "url_type")) == "upload":
        return
    if not urls.is_web_address(value, urls.WEB_AND_FTP):
        message = _('"{value}" is not an address: it must start with https://, http:// or ftp://')
        raise tk.Invalid(message.format(value=value))
    data[key] = value


def ecosphere_email(value: Any) -> Any:
    """Return an e-mail address, without ``mailto:``.

    Raises:
        Invalid: it is not a single e-mail address.
    """
    text = str(value)[: 2 * contact_details.LONGEST_ADDRESS].strip()
    if text.lower().startswith("mailto:"):
        text = text[len("mailto:") :]
    if not contact_details.is_address(text):
        message = _('"{value}" is not an e-mail address: write it as service@ain.gouv.fr')
        raise tk.Invalid(message.format(value=value))
    return text


def ecosphere_telephone(value: Any) -> Any:
    """Return a telephone number in international form.

    Raises:
        Invalid: it is not a telephone number.
    """
    try:
        return contact_details.international(str(value))
    except ValueError as error:
        message = _(
            '"{value}" is not a telephone number: write it as 04 74 45 62 37 or +33 4 74 45 62 37'
        )
        raise tk.Invalid(message.format(value=value)) from error


# --- numbers, in French notation, as exported by spreadsheets, or as JSON numbers ---


def ecosphere_positive_number(value: Any) -> Any:
    """Return a positive number as text; a decimal comma and blanks between digits are accepted.

    Raises:
        Invalid: it is not a positive number.
    """
    text = _BLANKS.sub("", _written_out(value)).replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,30})?", text) or float(text) <= 0:
        raise tk.Invalid(_('"{value}" is not a number above zero').format(value=value))
    return text.removesuffix(".0")


def _written_out(value: Any) -> str:
    """Return a value as text, JSON numbers without an exponent (``str(0.00001)`` is "1e-05")."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{Decimal(str(value)):f}"
    return str(value)


def ecosphere_scale(value: Any) -> Any:
    """Return the denominator of a scale as text: "1:25 000", "1/25000" and "25000" give "25000".

    Raises:
        Invalid: it is not a scale.
    """
    text = _BLANKS.sub("", _written_out(value))
    match = _SCALE.fullmatch(text)
    if not match:
        message = _('"{value}" is not a scale: write its denominator, such as 25000')
        raise tk.Invalid(message.format(value=value))
    return match.group(1).replace(".", "")


def ecosphere_size(value: Any) -> Any:
    """Return a size in bytes as an integer.

    Raises:
        Invalid: it is not a non-negative integer.
    """
    text = _BLANKS.sub("", _written_out(value))
    if not re.fullmatch(r"[0-9]{1,18}(\.0{1,9})?", text):
        raise tk.Invalid(_('"{value}" is not a size in bytes').format(value=value))
    return int(text.partition(".")[0])


# --- places, licences and keywords ---

_GEOMETRY_MESSAGES: dict[str, Callable[[], str]] = {
    "format": lambda: _(
        "Write the box as west, south, east, north, such as 4.72, 45.61, 6.18, 46.52"
    ),
    "world": lambda: _(
        "Coordinates are degrees: longitudes from -180 to 180, latitudes from -90 to 90"
    ),
    "order": lambda: _("West must be less than east and south less than north"),
    "type": lambda: _("This kind of GeoJSON geometry cannot be used here"),
    "ring": lambda: _(
        "Each ring of a polygon needs four positions at least, the last the same as the first"
    ),
    "size": lambda: _("The geometry has too many points: simplify it"),
}


def ecosphere_bbox(value: Any) -> Any:
    """Return a box as GeoJSON text; four numbers are accepted too.

    Raises:
        Invalid: the box is malformed, out of range or in the wrong order.
    """
    return _geojson(places.parse_box, value)


def ecosphere_geometry(value: Any) -> Any:
    """Return a GeoJSON geometry as text.

    Raises:
        Invalid: it is malformed, too large or out of range.
    """
    return _geojson(places.parse_geometry, value)


def _geojson(parse: Callable[[Any], DataDict], value: Any) -> str:
    try:
        return json.dumps(parse(value))
    except places.GeometryError as error:
        raise tk.Invalid(_GEOMETRY_MESSAGES[error.reason]()) from error


def ecosphere_licence(value: Any) -> Any:
    """Return the id of a licence given by id, URI or label.

    Raises:
        Invalid: it is not in the vocabulary.
    """
    licences, concept = voc.get("licences"), None
    if isinstance(value, str):
        concept = licences.lookup(value)
    if concept is None:
        message = _('The licence "{value}" is not in the list: choose one of it')
        raise tk.Invalid(message.format(value=value))
    return concept.id


def tag_name_validator(value: Any, context: Any) -> Any:
    """Accept French keywords; CKAN's own validator refuses the apostrophe of "cours d'eau".

    Raises:
        Invalid: the keyword contains a comma, quotation mark, angle bracket or control character.
    """
    if not _TAG.fullmatch(value):
        message = _('The keyword "{value}" cannot hold commas, quotation marks or angle brackets')
        raise tk.Invalid(message.format(value=value))
    return value


def ecosphere_tag_string(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Add the comma-separated keywords of a text to the dataset's tags.

    CKAN's own converter always uses CKAN's `tag_name_validator`, even if a plugin replaces it.

    Raises:
        Invalid: a keyword is too short, too long, or contains a forbidden character.
    """
    length: Any = tk.get_validator("tag_length_validator")
    rows = flat_rows(data, "tags")
    names = {row.get("name") for row in rows.values()}
    number = 1 + max(rows, default=-1)
    for text in as_list(data[key]):
        for part in ecosphere_text(text).split(","):
            tag = part.strip()
            if not tag or tag in names:
                continue
            length(tag, context)
            tag_name_validator(tag, context)
            data[("tags", number, "name")] = tag
            names.add(tag)
            number += 1


@scheming_validator
def ecosphere_concept(field: Row, schema: Row) -> Validator:
    """Require a concept of ``field["vocabulary"]``, given by URI, id or label; its URI is stored.

    With ``vocabulary_store: id``, the id is stored instead; with ``vocabulary_open: true``, values
    that match :data:`OPEN_PATTERNS` are accepted.
    """
    return _one(_resolver(field))


@scheming_validator
def ecosphere_concepts(field: Row, schema: Row) -> Validator:
    """Require concepts of ``field["vocabulary"]``; stored as a JSON list without duplicates."""
    return _many(_resolver(field))


def _resolver(field: Row) -> Callable[[str], str]:
    return _make_resolver(
        field["vocabulary"],
        field.get("vocabulary_store", "uri"),
        bool(field.get("vocabulary_open")),
    )


@voc.derived
@cache
def _make_resolver(name: str, store: str, is_open: bool) -> Callable[[str], str]:
    vocabulary = voc.get(name)

    def resolve(value: Any) -> str:
        text = str(value).strip()
        concept = vocabulary.lookup(text)
        if concept is not None:
            return getattr(concept, store)
        other = _open_value(name, text) if is_open else ""
        if not other:
            message = _('"{value}" is not in the list: choose one of its entries')
            raise tk.Invalid(message.format(value=text))
        return other

    return resolve


def _open_value(name: str, text: str) -> str:
    """Return a value that an open vocabulary accepts besides its own concepts, "" for any other."""
    if name == "territories":
        commune = communes.get(communes.PREFIX + text.upper())
        if commune:
            return commune.uri
    if name == "epsg":
        code = _EPSG_CODE.fullmatch(text)
        if code:
            return f"http://www.opengis.net/def/crs/EPSG/0/{code.group(1)}"
    if re.fullmatch(OPEN_PATTERNS[name], text):
        return text
    return ""


@cache
def _one(resolve: Callable[[str], str]) -> Validator:
    def validator(value: Any) -> Any:
        if isinstance(value, list):
            if len(value) != 1:
                raise tk.Invalid(_("Only one value is possible here"))
            value = value[0]
        return resolve(value)

    return validator


@cache
def _many(resolve: Callable[[Any], Any]) -> Validator:
    def validator(
        key: Any, data: dict[Any, Any], errors: dict[Any, list[str]], context: Any
    ) -> None:
        values: dict[Any, None] = {}
        for item in as_list(data[key]):
            if item is None or not str(item).strip():
                continue
            try:
                values[resolve(item)] = None
            except tk.Invalid as error:
                errors[key].append(error.error)
        if errors[key]:
            raise tk.StopOnError
        if not values:
            data.pop(key, None)
            raise tk.StopOnError
        data[key] = json.dumps(list(values), ensure_ascii=False)

    return validator


#: Several texts, web addresses or URIs, stored as a JSON list.
ecosphere_texts = _many(ecosphere_text)
ecosphere_urls = _many(ecosphere_url)
ecosphere_uris = _many(ecosphere_uri)
#: On output: a stored JSON list as a list.
ecosphere_load_list = as_list


# --- formats ---


def ecosphere_guess_format(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Set a missing format from the extension of the URL, and replace a media type by its format.

    CKAN's own guess, which runs later, yields media types, and "GeoPackage" reads better than
    "application/geopackage+sqlite3". A missing format of an existing resource is left as it is.
    """
    value = data.get(key)
    if isinstance(value, str) and value.strip():
        concept = links.format_of_media_type(value)
        if concept:
            data[key] = concept.id
        return
    if data.get((*key[:-1], "id")):
        return
    concept = links.format_of_file(str(data.get((*key[:-1], "url")) or ""))
    if concept:
        data[key] = concept.id


def ecosphere_address_to_guess_from(
    key: Any, data: dict[Any, Any], errors: Any, context: Any
) -> None:
    """Stop validation before CKAN guesses the format from an invalid URL, which would be an
    internal error.

    Raises:
        StopOnError: the URL cannot be parsed.
    """
    try:
        urlsplit(str(data.get((*key[:-1], "url")) or ""))
    except ValueError:
        raise tk.StopOnError from None
