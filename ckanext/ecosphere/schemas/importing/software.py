"""Convert descriptions of software to datasets: publiccode.yml 0.2 to 0.4, codemeta.json 2 and 3. No CKAN imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import plain_text
from ckanext.ecosphere.schemas.fields import urls

KIND = voc.get("resource-type")["code"].uri
MAX_PARTS = 50
#: PyYAML scans a few thousand tokens per second; a description of software has a few hundred.
MOST_CHARACTERS, MOST_TOKENS, DEEPEST = 100_000, 5_000, 30
OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)

Dataset = dict[str, Any]


class UnreadableError(ValueError):
    """The document is not valid YAML, or exceeds the limits."""


def load_yaml(text: str) -> Any:
    """Parse a small YAML document without aliases, a few lines of which could expand to gigabytes.

    Raises:
        UnreadableError: it is not YAML, uses aliases, or exceeds the limits of length or depth.
    """
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError("too long")
    try:
        depth = 0
        for number, token in enumerate(yaml.scan(text, Loader=yaml.SafeLoader)):
            depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
            if isinstance(token, yaml.AliasToken) or number > MOST_TOKENS or depth > DEEPEST:
                raise UnreadableError("an alias, or too much")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableError(str(error)) from error


def from_publiccode(document: Mapping[str, Any]) -> Dataset:
    """Return the dataset that a publiccode.yml describes."""
    described = _first_language(_mapping(document.get("description")))
    maintenance, legal = _mapping(document.get("maintenance")), _mapping(document.get("legal"))
    languages = _many(_mapping(document.get("localisation")).get("availableLanguages"))
    return _without_empty(
        {
            "dcat_type": KIND,
            "title": _text(document.get("name")),
            "notes": _text(described.get("longDescription"))
            or _text(described.get("shortDescription")),
            "code_repository": _address(document.get("url")),
            "url": _address(document.get("landingURL")),
            "version": _text(document.get("softwareVersion")),
            "modified": _date(document.get("releaseDate")),
            "development_status": _concept("development-status", document.get("developmentStatus")),
            "license_id": _licence(legal.get("license")),
            "contact": list(map(_agent, _many(maintenance.get("contacts")))),
            "creator": [
                _agent({"name": legal.get("mainCopyrightOwner") or legal.get("repoOwner")})
            ],
            "documentation": [
                _address(described.get("documentation")),
                _address(described.get("apiDocumentation")),
            ],
            "tags": _tags([*_many(document.get("categories")), *_many(described.get("features"))]),
            "language": [_concept("language", code, "uri") for code in languages],
        }
    )


def from_codemeta(document: Mapping[str, Any]) -> Dataset:
    """Return the dataset that a codemeta.json describes."""
    people = [*_many(document.get("maintainer")), *_many(document.get("author"))]
    reachable = [person for person in people if isinstance(person, Mapping) and person.get("email")]
    keywords = document.get("keywords")
    if isinstance(keywords, str):
        keywords = keywords.split(",")
    return _without_empty(
        {
            "dcat_type": KIND,
            "title": _name(document.get("name")),
            "notes": _text(document.get("description")),
            "code_repository": _address(document.get("codeRepository")),
            "url": _address(document.get("url")),
            "programming_language": list(map(_name, _many(document.get("programmingLanguage")))),
            "version": _text(document.get("version")) or _text(document.get("softwareVersion")),
            "created": _date(document.get("dateCreated")),
            "issued": _date(document.get("datePublished")),
            "modified": _date(document.get("dateModified")),
            "development_status": _concept("development-status", document.get("developmentStatus")),
            "license_id": _licence(document.get("license")),
            "contact": list(map(_agent, reachable[:5])),
            "creator": list(map(_agent, people)),
            "documentation": [_address(document.get(key)) for key in _HELP],
            "tags": _tags(_many(keywords)),
            "alternate_identifier": list(map(_text, _many(document.get("identifier")))),
        }
    )


_HELP = ("softwareHelp", "readme", "buildInstructions")


def left_out(document: Mapping[str, Any], dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield name and value of elements that were not converted: not in a vocabulary, or not a valid URL.

    Args:
        document: publiccode.yml or codemeta.json.
        dataset: the dataset made from it.
    """
    legal = _mapping(document.get("legal"))
    elements = (
        ("url", "code_repository", document.get("codeRepository") or document.get("url")),
        ("license", "license_id", legal.get("license") or document.get("license")),
        ("developmentStatus", "development_status", document.get("developmentStatus")),
    )
    for element, field, value in elements:
        if field not in dataset:
            for name in filter(None, map(_name, _many(value))):
                yield element, name
    for code in _many(_mapping(document.get("localisation")).get("availableLanguages")):
        if _text(code) and not _concept("language", code, "uri"):
            yield "availableLanguages", _text(code)


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {}


def _many(value: Any) -> list[Any]:
    if value in (None, ""):
        return []
    if isinstance(value, list):
        return value[:MAX_PARTS]
    return [value]


_text = plain_text


def _name(value: Any) -> str:
    """Return a text, or the name of an object."""
    if isinstance(value, Mapping):
        value = value.get("name")
    return _text(value)


def _date(value: Any) -> str:
    if value is None:
        return ""
    return str(value)[:10]


def _address(value: Any) -> str:
    """Return a web address, without the ``git+`` prefix; "" if it is not one."""
    if isinstance(value, Mapping):
        value = value.get("url")
    text = _text(value).removeprefix("git+")
    if not urls.is_web_address(text):
        return ""
    return text


def _concept(vocabulary: str, value: Any, key: str = "id") -> str:
    text = _text(value).rstrip("/").rsplit("/", 1)[-1].lstrip("#")  # repostatus.org: …/#wip
    concept = voc.get(vocabulary).get(text) or voc.get(vocabulary).find(text)
    if concept is None:
        return ""
    return str(getattr(concept, key))


def _licence(value: Any) -> str:
    """Return the id of a licence given by SPDX identifier or URL; of several ("MIT AND …") the first."""
    licences = voc.get("licences")
    for licence in _many(value):
        text = _text(licence)
        if isinstance(licence, Mapping):
            text = _text(licence.get("url") or licence.get("name"))
        last_part = text.rstrip("/").rsplit("/", 1)[-1].removesuffix(".html")
        for name in (text, text.split(" ")[0], last_part):
            spdx = f"http://spdx.org/licenses/{name}"
            concept = licences.get(name) or licences.find(name) or licences.get(spdx)
            if concept:
                return concept.id
    return ""


def _agent(value: Any) -> dict[str, str]:
    row = value if isinstance(value, Mapping) else {"name": value}
    names = (_text(row.get("givenName")), _text(row.get("familyName")))
    agent = {
        "name": _text(row.get("name")) or " ".join(filter(None, names)),
        "email": _text(row.get("email")),
    }
    return {key: text for key, text in agent.items() if text}


def _tags(words: Iterable[Any]) -> list[dict[str, str]]:
    names = dict.fromkeys(_text(word).replace(",", " ").strip()[:100] for word in words)
    return [{"name": name} for name in names if len(name) > 1 and set('<>"').isdisjoint(name)]


def _first_language(descriptions: Mapping[str, Any]) -> Mapping[str, Any]:
    for code in ("fr", "fr-FR", "fra", "en", *descriptions):
        if isinstance(descriptions.get(code), Mapping):
            return descriptions[code]
    return {}


def _without_empty(dataset: Dataset) -> Dataset:
    filled: Dataset = {}
    for name, value in dataset.items():
        if isinstance(value, list):
            filled[name] = list(filter(None, value))
        else:
            filled[name] = value
    return {name: value for name, value in filled.items() if value}
