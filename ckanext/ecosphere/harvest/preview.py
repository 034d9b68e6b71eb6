"""Dry run of a source: read it and normalise its first records, without saving anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest import config, decisions
from ckanext.ecosphere.harvest.gather import identity
from ckanext.ecosphere.harvest.messages import advice
from ckanext.ecosphere.harvest.normalise import Context, Problem, RecordError, normalise
from ckanext.ecosphere.harvest.sources import recognise
from ckanext.ecosphere.harvest.sources.base import RawRecord
from ckanext.ecosphere.harvest.sources.messages import sentence
from ckanext.ecosphere.harvest.sources.source_type import OWN_SERVICE, SourceType, type_called
from ckanext.ecosphere.harvest.worker import job
from ckanext.ecosphere.harvest.worker.messages import about_record
from ckanext.ecosphere.harvest.worker.watch import Watch
from ckanext.ecosphere.harvest.write.portal import free_tags
from ckanext.ecosphere.shared.http_guard import Budget, GuardedSession, StoppedError

SAMPLE = 10


def try_source(url: str, type_name: str, text: str = "") -> dict[str, Any]:
    """Read the beginning of a source.

    Args:
        url: URL of the source.
        type_name: its type.
        text: its configuration in JSON.

    Returns:
        `announced` records, `failures` and `samples`: title, organisation, resources, licence, themes, territories,
        rules that changed something, and problems of the first records, or the reason why one would be refused; `kind`,
        what answers at the address (see `recognise`), if no record could be read. Values are codes; `in_words`
        translates them.

    Raises:
        ValueError: the type is not enabled, or the configuration is not valid; the message says why.
    """
    harvester = type_called(type_name)
    if harvester is None:
        raise ValueError(tk._("The source type {type} is not enabled.").format(type=type_name))
    settings = job.read_settings(harvester.checked_settings(text))
    if "page_size" in harvester.options:
        settings["page_size"] = min(SAMPLE, settings.get("page_size") or SAMPLE)
    reader = harvester.reader(url, settings, config.preview_bounds())
    raws: list[RawRecord] = []
    with Watch(reader.budget, reader.bounds.memory):
        for page in reader.pages():
            raws += page.records
            if len(raws) >= SAMPLE:
                break
        kind = None if raws or not reader.reading.failed else _kind(url, reader.budget)
    own = bool(settings.get(OWN_SERVICE))
    context = Context(
        default_organisation=None if own else settings.get("default_organisation"),
        fallback_organisation=None if own else config.fallback_organisation(),
        only_organisation="" if own else None,
        catalogue_title=url,
        record_url=harvester.record_url(url),
        organisations=frozenset(job.organisations()),
        free_tags=free_tags(),
    )
    return {
        "url": url,
        "type": type_name,
        "announced": reader.reading.announced,
        "failures": [asdict(failure) for failure in reader.reading.failures],
        "kind": kind,
        "samples": [_sample(raw, harvester, context) for raw in raws[:SAMPLE]],
    }


def _kind(url: str, budget: Budget) -> str | None:
    """Return what answers at an address; None once the time of the test is over, which its failures tell."""
    try:
        return recognise.at(url, GuardedSession(config.guard_settings(), budget=budget))
    except StoppedError:
        return None


def _sample(raw: RawRecord, harvester: SourceType, context: Context) -> dict[str, Any]:
    found: dict[str, Any] = {"guid": identity.guid_of(raw, harvester.read), "position": raw.position}
    try:
        made = normalise(harvester.read(raw.content), context)
    except RecordError as error:
        return {**found, "refused": {"code": error.code, "params": error.params}}
    return {
        **found,
        "title": made.dataset.get("title"),
        "organisation": made.organisation,
        "licence": made.dataset.get("license_id"),
        "resources": len(made.dataset.get("resources") or []),
        "territories": made.dataset.get("territory") or [],
        "themes": made.dataset.get("theme") or [],
        "rules": list(dict.fromkeys(change.rule for change in made.log)),
        "problems": [asdict(problem) for problem in made.problems],
    }


def in_words(found: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a preview with sentences and labels in the user's language in place of codes."""
    harvester = type_called(found["type"])
    return {
        **found,
        "type": tk._(harvester.title) if harvester else found["type"],
        "failures": [sentence(**failure, translate=tk._) for failure in found["failures"]],
        "advice": _advice(found),
        "samples": [_sample_in_words(sample) for sample in found["samples"]],
    }


def _advice(found: dict[str, Any]) -> str | None:
    kind = found.get("kind")
    return advice(kind, found["type"]) if kind else None


def _sample_in_words(sample: dict[str, Any]) -> dict[str, Any]:
    def about(problem: dict[str, Any]) -> str:
        return about_record(sample["position"], sample["guid"], Problem(**problem), tk._)

    if "refused" in sample:
        return {**sample, "refused": about(sample["refused"])}
    return {
        **sample,
        "service": decisions.concept("organisations", sample["organisation"]),
        "licence": decisions.concept("licences", sample["licence"]),
        "territories": [decisions.concept("territories", uri) for uri in sample["territories"]],
        "themes": [decisions.concept("themes", uri) for uri in sample["themes"]],
        "rules": [decisions.rule(name) for name in sample["rules"]],
        "problems": [about(problem) for problem in sample["problems"]],
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the result of a preview as lines for the terminal."""
    found = in_words(found)
    announced = "?" if found["announced"] is None else found["announced"]
    yield tk._("{url}: {type}, {number} records announced").format(
        url=found["url"], type=found["type"], number=announced
    )
    yield from found["failures"]
    if found["advice"]:
        yield found["advice"]
    for sample in found["samples"]:
        if "refused" in sample:
            yield f"✗ {sample['refused']}"
            continue
        yield f"✓ {sample['title']}"
        yield "  " + tk._("service: {service}; licence: {licence}; resources: {resources}").format(
            service=sample["service"] or tk._("that of the source"),
            licence=sample["licence"] or "–",
            resources=sample["resources"],
        )
        yield "  " + tk._("territories: {territories}; themes: {themes}; changed by the rules: {rules}").format(
            **{name: ", ".join(sample[name]) or "–" for name in ("territories", "themes", "rules")}
        )
        for problem in sample["problems"]:
            yield f"  · {problem}"
