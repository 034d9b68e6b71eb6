"""French analysis for CKAN's index, applied to a running Solr through its Schema API.

The target state is data (`data/solr_schema.yaml`, `stopwords_fr.txt`, `synonyms_fr.txt`); this module compares it with
Solr's state and sends the differences, so it is idempotent. After a change the core is reloaded (done here) and every
dataset must be reindexed (done by the command).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.search import synonyms
from ckanext.ecosphere.search.solr_client import SolrAdmin, SolrAdminError

DATA = Path(__file__).parent / "data"
MANAGED_NAME = "ecosphere_fr"
TEXT_TYPE = "text"
NUMERIC_TYPES = ("pint", "pfloat")

# A word that does not occur in French and that analysis leaves unchanged: it separates the terms when a whole list is
# analysed in one call.
_SEPARATOR = "xqkwj"


@dataclass(frozen=True)
class SchemaState:
    """Differences between Solr and the target schema.

    Attributes:
        commands: Schema API commands to apply.
        stop_words: whether the stop words differ.
        synonym_map: the target synonym map if it differs, else None.
    """

    commands: dict[str, list[Any]] = field(default_factory=dict)
    stop_words: bool = False
    synonym_map: dict[str, list[str]] | None = None

    @property
    def is_french(self) -> bool:
        """Return whether Solr has the complete French schema."""
        return not (self.commands or self.stop_words or self.synonym_map is not None)

    @property
    def differences(self) -> list[str]:
        """Return the names of missing or different items, for messages."""
        names = names_of(self.commands)
        if self.stop_words:
            names.append("stop words")
        if self.synonym_map is not None:
            names.append("synonyms")
        return names


def wanted() -> dict[str, Any]:
    """Return the declared schema: `field_types`, `fields` and `copy_fields` in the format of the Schema API."""
    with (DATA / "solr_schema.yaml").open(encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def stop_words() -> list[str]:
    """Return the declared stop words."""
    lines = (DATA / "stopwords_fr.txt").read_text(encoding="utf-8").splitlines()
    return [word for line in lines if (word := line.split("#", 1)[0].strip())]


def schema_commands(current: dict[str, Any], target: dict[str, Any]) -> dict[str, list[Any]]:
    """Compute the Schema API commands that turn one schema into the other.

    Args:
        current: the schema as Solr returns it.
        target: the declared schema.

    Returns:
        the required commands by name; empty if nothing differs. Nothing is ever removed.
    """
    commands: dict[str, list[Any]] = {}
    for kind, current_key, target_key in (
        ("field-type", "fieldTypes", "field_types"),
        ("field", "fields", "fields"),
    ):
        present = {item["name"]: item for item in current[current_key]}
        for item in target[target_key]:
            if item["name"] not in present:
                commands.setdefault(f"add-{kind}", []).append(item)
            elif not same(item, present[item["name"]]):
                commands.setdefault(f"replace-{kind}", []).append(item)
    names = {item["name"] for item in current["fields"]}
    for item in target["fields_if_missing"]:
        if item["name"] not in names:
            commands.setdefault("add-field", []).append(item)
    copies = {(item["source"], item["dest"]) for item in current["copyFields"]}
    for item in target["copy_fields"]:
        missing = [dest for dest in item["dest"] if (item["source"], dest) not in copies]
        if missing:
            commands.setdefault("add-copy-field", []).append(
                {"source": item["source"], "dest": missing}
            )
    return commands


def state(solr: SolrAdmin) -> SchemaState:
    """Compare Solr with the target schema without changing anything.

    Raises:
        SolrAdminError: Solr is down.
    """
    commands = schema_commands(solr.schema(), wanted())
    if commands:
        # Synonyms cannot be compared yet: their form depends on an analysis chain that is not in place.
        return SchemaState(commands, stop_words=True, synonym_map={})
    if set(solr.stop_words(MANAGED_NAME)) != set(stop_words()):
        return SchemaState(stop_words=True, synonym_map={})
    target = synonym_map(solr)
    present = {term: sorted(values) for term, values in solr.synonyms(MANAGED_NAME).items()}
    if present == target:
        return SchemaState()
    return SchemaState(synonym_map=target)


def synonym_map(solr: SolrAdmin) -> dict[str, list[str]]:
    """Return the synonyms in the form that words have in Solr's French analysis chain.

    Raises:
        SolrAdminError: Solr is down, or its chain dropped a separator (the French type is not active).
    """
    lines = synonyms.read_lines()
    terms = sorted({term for line in lines for term in (*line.terms, *line.broader)})
    tokens = solr.analyse(TEXT_TYPE, f" {_SEPARATOR} ".join(terms))
    forms = re.split(rf"(?:^| ){_SEPARATOR}(?: |$)", " ".join(tokens))
    if len(forms) != len(terms):
        raise SolrAdminError(f"analysis gave {len(forms)} terms for {len(terms)}")
    by_term = dict(zip(terms, forms, strict=True))
    return synonyms.solr_map(lines, by_term.__getitem__)


def apply(solr: SolrAdmin) -> list[str]:
    """Apply the target schema to Solr; does nothing if it is already in place.

    Returns:
        the changes made; if not empty, every dataset must be reindexed.

    Raises:
        SolrAdminError: Solr is down or refuses (for instance with a read-only `schema.xml`).
    """
    before = state(solr)
    if before.is_french:
        return []
    if before.commands:
        solr.change_schema(before.commands)
    if before.stop_words:
        solr.set_stop_words(MANAGED_NAME, stop_words())
        solr.reload()
    solr.set_synonyms(MANAGED_NAME, synonym_map(solr))
    solr.reload()
    return before.differences


def blocking_fields(solr: SolrAdmin) -> list[str]:
    """Return the fields that cannot become numbers because the index already holds them as strings.

    On a plain CKAN schema the quality score is such a string. Lucene refuses to mix types, and forgets the old one only
    when the index is emptied and its core reloaded.
    """
    added = {item["name"] for item in schema_commands(solr.schema(), wanted()).get("add-field", [])}
    return [name for name in number_fields() if name in added and solr.indexed_field(name)]


def number_fields() -> list[str]:
    """Return the names of the declared numeric fields."""
    target = wanted()
    declared = (*target["fields"], *target["fields_if_missing"])
    return sorted(item["name"] for item in declared if item["type"] in NUMERIC_TYPES)


def same(declared: dict[str, Any], present: dict[str, Any] | None) -> bool:
    """Return whether Solr has a field or type as declared."""
    return present is not None and _plain(declared) == _plain(present)


def names_of(commands: dict[str, list[Any]]) -> list[str]:
    """Return readable names of Schema API commands."""
    return [f"{command}: {_name_of(item)}" for command, items in commands.items() for item in items]


def _plain(item: Any) -> Any:
    """Normalise declarations for comparison: Solr returns booleans and numbers with the type it was given."""
    if isinstance(item, dict):
        return {key: _plain(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_plain(value) for value in item]
    if isinstance(item, bool):
        return str(item).lower()
    return str(item)


def _name_of(item: dict[str, Any]) -> str:
    if "name" in item:
        return item["name"]
    dest = item["dest"]
    if not isinstance(dest, str):
        dest = ", ".join(dest)
    return f"{item['source']} → {dest}"
