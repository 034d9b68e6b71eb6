"""Convert descriptions of software to datasets: publiccode.yml 0.2 to 0.4, codemeta.json 2 and 3. No CKAN imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import urls

KIND = voc.get("resource-type")["code"].uri
MAX_PARTS = 50
#: PyYAML scans a few thousand tokens per second; a description of software has a few hundred.
MOST_CHARACTERS, MOST_TOKENS, DEEPEST = 100_000, 5_000, 30
OPENING = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken)
OPENING += (yaml.BlockMappingStartToken,)
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
    descriptions = document.get("description")
    described = _first_language(descriptions if isinstance(descriptions, Mapping) else {})
    maintenance, legal = _mapping(document.get("maintenance")), _mapping(document.get("legal"))
    contacts = [_agent(each) for each in _many(maintenance.get("contacts"))]
    return _without_empty(
        {
            "dcat_type": KIND,
            "title": _text(document.get("name")),
            "notes": _text(described.get("longDescription")) or _text(described.get("shortDescription")),
            "code_repository": _address(document.get("url")),
            "url": _address(document.get("landingURL")),
            "version": _text(document.get("softwareVersion")),
            "modified": _date(document.get("releaseDate")),
            "development_status": _concept("development-status", document.get("developmentStatus")),
            "license_id": _licence(legal.get("license")),
            "contact": contacts,
            "creator": [_agent({"name": legal.get("mainCopyrightOwner") or legal.get("repoOwner")})],
            "documentation": [_address(described.get("documentation")), _address(described.get("apiDocumentation"))],
            "tags": _tags([*_many(document.get("categories")), *_many(described.get("features"))]),
            "language": [
                _concept("language", code, "uri")
                for code in _many(_mapping(document.get("localisation")).get("availableLanguages"))
            ],
        }
    )


def from_codemeta(document: Mapping[str, Any]) -> Dataset:
    """Return the dataset that a codemeta.json describes."""
    people = [*_many(document.get("maintainer")), *_many(document.get("author"))]
    languages = [_name(each) for each in _many(document.get("programmingLanguage"))]
    keywords = document.get("keywords")
    words = keywords.split(",") if isinstance(keywords, str) else _many(keywords)
    return _without_empty(
        {
            "dcat_type": KIND,
            "title": _name(document.get("name")),
            "notes": _text(document.get("description")),
            "code_repository": _address(document.get("codeRepository")),
            "url": _address(document.get("url")),
            "programming_language": languages,
            "version": _text(document.get("version")) or _text(document.get("softwareVersion")),
            "created": _date(document.get("dateCreated")),
            "issued": _date(document.get("datePublished")),
            "modified": _date(document.get("dateModified")),
            "development_status": _concept("development-status", document.get("developmentStatus")),
            "license_id": _licence(document.get("license")),
            "contact": [_agent(each) for each in people if isinstance(each, Mapping) and each.get("email")][:5],
            "creator": [_agent(each) for each in people],
            "documentation": [_address(document.get(key)) for key in ("softwareHelp", "readme", "buildInstructions")],
            "tags": _tags(words),
            "alternate_identifier": [_text(each) for each in _many(document.get("identifier"))],
        }
    )


def left_out(document: Mapping[str, Any], dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield name and value of elements that were not converted: not in a vocabulary, or not a valid URL.

    Args:
        document: publiccode.yml or codemeta.json.
        dataset: the dataset made from it.
    """
    legal = _mapping(document.get("legal"))
    named = (
        ("url", "code_repository", document.get("codeRepository") or document.get("url")),
        ("license", "license_id", legal.get("license") or document.get("license")),
        ("developmentStatus", "development_status", document.get("developmentStatus")),
    )
    for name, field, value in named:
        if field not in dataset:
            yield from ((name, text) for each in _many(value) if (text := _text(each) or _name(each)))
    for code in _many(_mapping(document.get("localisation")).get("availableLanguages")):
        if _text(code) and not _concept("language", code, "uri"):
            yield "availableLanguages", _text(code)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _many(value: Any) -> list[Any]:
    return list(value[:MAX_PARTS]) if isinstance(value, list) else [] if value in (None, "") else [value]


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _name(value: Any) -> str:
    return _text(value.get("name")) if isinstance(value, Mapping) else _text(value)


def _date(value: Any) -> str:
    return str(value)[:10] if value not in (None, "") else ""


def _address(value: Any) -> str:
    """Return a web address, without the ``git+`` prefix; "" if it is not one."""
    text = _text(value.get("url") if isinstance(value, Mapping) else value).removeprefix("git+")
    return text if urls.is_web_address(text) else ""


def _concept(vocabulary: str, value: Any, key: str = "id") -> str:
    text = _text(value).rstrip("/").rsplit("/", 1)[-1].lstrip("#")  # repostatus.org: …/#wip
    concept = voc.get(vocabulary).get(text) or voc.get(vocabulary).find(text)
    return str(getattr(concept, key)) if concept else ""


def _licence(value: Any) -> str:
    """Return the id of a licence given by SPDX identifier or URL; of several ("MIT AND …") the first."""
    for each in _many(value):
        text = _text(each.get("url") or each.get("name") if isinstance(each, Mapping) else each)
        for part in (text, text.split(" ")[0], text.rstrip("/").rsplit("/", 1)[-1].removesuffix(".html")):
            concept = voc.get("licences").get(part) or voc.get("licences").find(part)
            concept = concept or voc.get("licences").get(f"http://spdx.org/licenses/{part}")
            if concept:
                return concept.id
    return ""


def _agent(value: Any) -> dict[str, str]:
    row = value if isinstance(value, Mapping) else {"name": value}
    name = _text(row.get("name")) or " ".join(filter(None, (_text(row.get("givenName")), _text(row.get("familyName")))))
    return {key: text for key, text in (("name", name), ("email", _text(row.get("email")))) if text}


def _tags(words: Iterable[Any]) -> list[dict[str, str]]:
    found = dict.fromkeys(_text(word).replace(",", " ").strip()[:100] for word in words)
    return [{"name": word} for word in found if len(word) > 1 and not set(word) & set('<>"')]


def _first_language(descriptions: Mapping[str, Any]) -> Mapping[str, Any]:
    for code in ("fr", "fr-FR", "fra", "en", *descriptions):
        if isinstance(descriptions.get(code), Mapping):
            return descriptions[code]
    return {}


def _without_empty(dataset: Dataset) -> Dataset:
    pruned = {key: [p for p in value if p] if isinstance(value, list) else value for key, value in dataset.items()}
    return {key: value for key, value in pruned.items() if value}
