"""Validators of multilingual texts: a field beside that of the French text, an object {BCP 47 tag:
text}.

The convention is that of ckanext-fluent, ckanext-dcat and CKAN's `get_translated` (see
`vocabularies.languages`): the object contains all languages, including that of the main field.
CKAN's main field remains authoritative, so that clients unaware of translations change the right
text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _

from ckanext.ecosphere.dataset import bounds, fields
from ckanext.ecosphere.dataset.view import as_object
from ckanext.ecosphere.schemas.logic.validators import Errors, FlatData
from ckanext.ecosphere.shared import characters, language
from ckanext.ecosphere.vocabularies import languages

SUFFIX = languages.SUFFIX
_OF_FORM = f"{SUFFIX}-"
"""Between the name of the field and the language in the name of an input."""
_EXTRAS = "__extras"
"""Key under which CKAN's validation keeps values that are not in the schema."""
_FIELDS: dict[tuple[Any, ...], tuple[str, ...]] = {
    (): fields.translated(),
    ("resources",): fields.translated(fields.RESOURCE),
}
"""Translated fields of datasets and resources, which a form may submit by language."""
_LOOKED_AT = {_EXTRAS}.union(*_FIELDS.values())
_RESOURCE = 2
"""Length of the key prefix of a resource: ("resources", 0)."""


def ecosphere_translations(key: Any, data: FlatData, errors: Errors, context: Any) -> None:
    """Synchronise the translated texts of a flattened dataset and its resources with their main
    fields.

    Runs before the validators of the fields: collects the inputs of a form, fills an empty main
    field from its translations, and makes the French entry and the main field equal, whichever was
    changed.

    Args:
        key: not used.
        data: the dataset, changed in place.
        errors: collects errors, where the main field and French entry differ and both were changed.
        context: context of the save.
    """
    places = [place for place in data if place[-1] in _LOOKED_AT and data[place]]  # usually empty
    translated: list[tuple[Any, ...]] = []
    for place in places:
        if place[-1] == _EXTRAS:
            translated += _take_from_form(place, data)
    translated += [place for place in places if place[-1] != _EXTRAS]
    for place in dict.fromkeys(translated):
        main = (*place[:-1], str(place[-1]).removesuffix(SUFFIX))
        try:
            texts = read(data[place], main[-1])
        except TranslationsError:
            continue  # reported by the validator of the field
        _settle(main, texts, data, errors, context)
        data[place] = languages.completed(_text(data.get(main)), texts) or None


def ecosphere_translated(key: Any, data: FlatData, errors: Errors, context: Any) -> None:
    """Accept texts by language; stored as JSON text, in a resource as an object."""
    try:
        texts = read(data[key], str(key[-1]).removesuffix(SUFFIX))
    except TranslationsError as error:
        errors[key] += error.messages
        raise tk.StopOnError from error
    if not texts:
        data.pop(key, None)
        raise tk.StopOnError
    data[key] = texts
    if len(key) <= _RESOURCE:
        data[key] = json.dumps(texts, ensure_ascii=False)


#: On output: a stored JSON object as an object.
ecosphere_load_object = as_object


class TranslationsError(ValueError):
    """The value is not a valid object of texts by language.

    Attributes:
        messages: error messages in the language of the user.
    """

    def __init__(self, messages: list[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


def read(value: Any, field: str) -> dict[str, str]:
    """Return texts by BCP 47 tag, without empty ones.

    Args:
        value: an object, or its JSON text.
        field: name of the main field, whose limit of length applies.

    Raises:
        TranslationsError: it is not an object of texts, has an unknown language, or a text is too
            long.
    """
    if value in (None, ""):
        return {}
    by_code = as_object(value)
    if not isinstance(by_code, Mapping):
        raise TranslationsError(
            [_('Write the texts as an object of languages: {"en": "…", "de": "…"}')]
        )
    if len(by_code) > languages.MOST:
        raise TranslationsError(
            [_("Too many languages: {number} at most").format(number=languages.MOST)]
        )
    texts: dict[str, str] = {}
    faults: list[str] = []
    for code, text in by_code.items():
        tag = languages.tag(str(code))
        fault = _fault(str(code), tag, text, bounds.longest(field))
        if fault:
            faults.append(fault)
        elif _text(text):
            texts.setdefault(tag, _text(text))
    if faults:
        raise TranslationsError(faults)
    return languages.without_regions(texts)


def _fault(code: str, tag: str, text: Any, longest: int) -> str:
    """Return what is wrong with the text of a language, "" if nothing is."""
    if not tag:
        message = _('"{code}" is not the code of a language: write it as en, de or pt-BR (BCP 47)')
        return message.format(code=code[:40])
    name = languages.name(tag, language.current())
    if text is not None and not isinstance(text, str):
        return _("{language}: this is not a text").format(language=name)
    if len(_text(text)) > longest:
        message = _("{language}: too long, {number} characters at most")
        return message.format(language=name, number=longest)
    return ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return characters.clean(value).strip()


def _take_from_form(place: tuple[Any, ...], data: FlatData) -> Iterator[tuple[Any, ...]]:
    """Move the texts submitted by language into their fields; yield the keys of these fields."""
    extras, fields = data[place], _FIELDS.get(place[:-1][::2], ())
    for name in list(extras):
        field, _sign, code = str(name).partition("-")
        if field not in fields or _OF_FORM not in name:
            continue
        key = (*place[:-1], field)
        texts = data.get(key)
        if not isinstance(texts, dict):
            texts = {}
        data[key] = {**texts, code: extras.pop(name)}
        yield key
    if not extras:
        del data[place]


def _settle(
    main: tuple[Any, ...], texts: dict[str, str], data: FlatData, errors: Errors, context: Any
) -> None:
    """Fill the main field or the French entry from the other.

    If they differ, the one that was changed wins.
    """
    text, french = _text(data.get(main)), texts.get(languages.FRENCH)
    if not text and texts:
        data[main] = texts[languages.best(texts)]
    elif french is not None and french != text:
        text_before, french_before = _before(main, data, context)
        if french == french_before:
            texts[languages.FRENCH] = text
        elif text == text_before:
            data[main] = french
        else:
            message = _(
                "The French text and that of the field itself differ: give one of them, or both "
                "the same"
            )
            errors.setdefault((*main[:-1], f"{main[-1]}{SUFFIX}"), []).append(message)


def _before(main: tuple[Any, ...], data: FlatData, context: Any) -> tuple[str | None, str | None]:
    """Return the stored text of the main field and its French entry, or None for each."""
    package, name = context.get("package"), main[-1]
    if package is None:
        return None, None
    stored = package
    if len(main) > 1:
        id_ = data.get((*main[:-1], "id"))
        stored = next((resource for resource in package.resources if resource.id == id_), None)
        if stored is None:
            return None, None
    texts, french = as_object((stored.extras or {}).get(f"{name}{SUFFIX}")), None
    if isinstance(texts, Mapping):
        french = texts.get(languages.FRENCH)
    return _text(getattr(stored, name, None)), french


def following(texts: Any, text: str | None) -> Any:
    """Return stored translations with the French entry updated from the main field,
    in case a plain CKAN changed it.
    """
    by_language, french = as_object(texts), _text(text)
    if not isinstance(by_language, Mapping):
        return texts
    if not french or by_language.get(languages.FRENCH) in (None, french):
        return texts
    changed = {**by_language, languages.FRENCH: french}
    if isinstance(texts, Mapping):
        return changed
    return json.dumps(changed, ensure_ascii=False)
