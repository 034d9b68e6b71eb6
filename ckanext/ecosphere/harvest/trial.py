"""A dry run: what a source is and what its first records would become. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.pipeline import identity, job
from ckanext.ecosphere.harvest.pipeline.fit import free_tags
from ckanext.ecosphere.harvest.pipeline.messages import about_record, failures_of
from ckanext.ecosphere.harvest.sources.base import RawRecord
from ckanext.ecosphere.harvest.sources.harvester import EcosphereHarvester, harvester_for

SAMPLE = 10


def try_source(url: str, type_name: str, text: str = "") -> dict[str, Any]:
    """Read the beginning of a source.

    Args:
        url: address of the source.
        type_name: its type.
        text: its configuration in JSON.

    Returns:
        `announced` records, `failures` (sentences) and `samples`: title, organisation, resources, licence and problems
        of the first records, or the reason why one would be refused.

    Raises:
        ValueError: the type is not enabled, or the configuration is not valid; the message says why.
    """
    harvester = harvester_for(type_name)
    if harvester is None:
        raise ValueError(tk._("The source type {type} is not enabled.").format(type=type_name))
    settings = job.read_settings(harvester.validate_config(text))
    if "page_size" in harvester.options:
        settings["page_size"] = min(SAMPLE, settings.get("page_size") or SAMPLE)
    reader = harvester.reader(url, settings)
    raws: list[RawRecord] = []
    for page in reader.pages():
        raws += page.records
        if len(raws) >= SAMPLE:
            break
    context = Context(
        default_organisation=settings.get("default_organisation"),
        fallback_organisation=config.fallback_organisation(),
        catalogue_title=url,
        record_url=harvester.record_url(url),
        organisations=frozenset(job.organisations()),
        free_tags=free_tags(),
    )
    return {
        "url": url,
        "type": tk._(harvester.title),
        "announced": reader.reading.announced,
        "failures": failures_of(reader.reading),
        "samples": [_sample(raw, harvester, context) for raw in raws[:SAMPLE]],
    }


def _sample(raw: RawRecord, harvester: EcosphereHarvester, context: Context) -> dict[str, Any]:
    guid = identity.guid_of(raw)
    try:
        made = normalise(harvester.read(raw.content), context)
    except RecordError as error:
        return {"guid": guid, "refused": about_record(raw.position, guid, error)}
    service = voc.get("organisations").get(made.organisation or "")
    return {
        "guid": guid,
        "title": made.dataset.get("title"),
        "organisation": made.organisation,
        "service": service.label_fr if service else made.organisation,
        "licence": made.dataset.get("license_id"),
        "resources": len(made.dataset.get("resources") or []),
        "territories": made.dataset.get("territory") or [],
        "problems": [about_record(raw.position, guid, problem) for problem in made.problems],
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What was found, for a terminal."""
    announced = "?" if found["announced"] is None else found["announced"]
    yield tk._("{url}: {type}, {number} records announced").format(
        url=found["url"], type=found["type"], number=announced
    )
    yield from found["failures"]
    for sample in found["samples"]:
        if "refused" in sample:
            yield f"✗ {sample['refused']}"
            continue
        yield f"✓ {sample['title']}"
        yield "  " + tk._("service: {service}; licence: {licence}; resources: {resources}").format(
            service=sample["service"] or "–", licence=sample["licence"] or "–", resources=sample["resources"]
        )
        for problem in sample["problems"]:
            yield f"  · {problem}"
