"""Sentences of codes: states of needs and their evidence, reasons for a dataset, refusals of a "
"site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.studies.states import LABELS, NO_ANSWER, Finding
from ckanext.ecosphere.vocabularies import gazetteer

#: Key of `Finding.code` → what is known of a dataset or a need on a site. `place` is an index value, `share` 0 to 1.
SENTENCES = {
    "territory": N_("It is made for {place}, in which the whole site lies."),
    "territory-part": N_("It is made for {place}, in which {share} of the site lies."),
    "territory-elsewhere": N_("It is made for {place}, where the site does not lie."),
    "geometry": N_("The area that it covers holds the whole site."),
    "geometry-part": N_("The area that it covers holds {share} of the site."),
    "geometry-elsewhere": N_("The area that it covers does not touch the site."),
    "box": N_(
        "The rectangle around its data holds the site, which does not prove that there is "
        "anything here."
    ),
    "box-part": N_(
        "The rectangle around its data holds {share} of the site, which does not prove that "
        "there is anything here."
    ),
    "box-elsewhere": N_("The rectangle around its data does not touch the site."),
    "title": N_("Its title names {place}, in which the whole site lies."),
    "title-part": N_("Its title names {place}, in which {share} of the site lies."),
    "title-elsewhere": N_("Its title names {place}, where the site does not lie."),
    "unknown": N_("It does not say for which place it is made."),
    "restricted": N_(
        "It exists for the site, but not everyone may have the data: ask its service."
    ),
    "counted": N_("Its service counts {objects} on the site."),
    "counted-part": N_("Its service counts {objects} on the site, of which it covers {share}."),
    "counted-rectangle": N_("Its service counts {objects} in the rectangle around the site."),
    "at-least": N_("Its service has at least {objects} on the site."),
    "nothing": N_("It is made for the whole site, and its service has no object here."),
    "nothing-on-part": N_(
        "It is made for {share} of the site, and its service has no object there."
    ),
    "nothing-unproven": N_(
        "Its service has no object here, but nothing proves that the place was mapped."
    ),
    "nobody": N_("No dataset of the catalogue meets this need."),
    "requested": N_("The data were requested."),
    "not-relevant": N_("This need was said not to be relevant."),
    # The service did not answer.
    "timeout": N_("The server did not answer in time."),
    "connection": N_("The server could not be reached."),
    "refused": N_("The address of the service cannot be asked from the internet, or is not valid."),
    "status": N_("The server answered with an error."),
    "empty-answer": N_("The server answered with nothing."),
    "html": N_("The server answered with a web page instead of a count."),
    "exception": N_("The service answered that it cannot do this."),
    "broken-answer": N_("The answer could not be read, or broke off before its end."),
    "wrong-count": N_("The service answered with a number that cannot be true."),
    "no-count": N_("The service does not count its objects."),
    "too-large": N_("The answer was too large."),
    "ignores-place": N_(
        "The service counts its objects everywhere, whatever the place that is asked for."
    ),
    "axes-unclear": N_(
        "The service finds nothing even far around the site: it may not have understood the place."
    ),
    "empty-layer": N_("The service has no object at all."),
    "too-many": N_("There are too many objects around the site to tell which of them lie on it."),
    "no-layer": N_("It is not known which layer of the service belongs to this dataset."),
    "no-service": N_("It has no service that could be asked."),
    "gone": N_("The dataset has left the catalogue, or not everyone may see it any more."),
    "not-asked": N_("Its service was not asked: too many datasets are counted for this study."),
}

#: Code → why a dataset is proposed for a need.
REASONS = {
    "title": N_("Its title says “{words}”"),
    "keywords": N_("Its keywords say “{words}”"),
    "text": N_("Its description says “{words}”"),
    "theme": N_("Theme: {theme}"),
    "place": N_("Made for {place}"),
    "producer": N_("Its service is competent here"),
    "scale": N_("Scale 1:{scale}"),
    "coarse": N_("Scale 1:{scale}, coarser than wanted"),
    "recent": N_("Data of {year}"),
    "old": N_("Data of {year}, older than wanted"),
    "quality": N_("Quality {score} of 100"),
    "restricted": N_("Restricted access"),
}

EXTENTS = {
    "territory": N_("by the territory that it declares"),
    "geometry": N_("by the area that it declares"),
    "box": N_("by the rectangle around its data"),
    "title": N_("by its title"),
    "unknown": N_("not known"),
}

#: Code of `site.SiteError` → what is wrong, and what to do.
SITE_ERRORS = {
    "empty": N_(
        "There is nothing on the map: give a commune, draw an area, or choose a file that has one."
    ),
    "not-geojson": N_("This is not GeoJSON."),
    "bad-geometry": N_(
        "A geometry is not written as GeoJSON demands it: draw it anew, or export it again."
    ),
    "not-finite": N_("A coordinate is no number."),
    "too-many-parts": N_("The site has more than {most} parts: join or select them first."),
    "too-many-vertices": N_(
        "The outline of the site has more than {most} points: simplify it first."
    ),
    "no-crs": N_(
        "The file does not say in which coordinate system it is, or names one that is unknown: "
        "add its .prj, or export"
        " it in Lambert-93 or WGS 84."
    ),
    "wrong-crs": N_("The coordinates do not fit the coordinate system that the file names."),
    "outside-world": N_(
        "The coordinates are no longitudes and latitudes in degrees: GeoJSON in metres must name "
        "its coordinate system."
    ),
    "antimeridian": N_(
        "The site crosses the 180th meridian, or half of the world: draw a smaller one."
    ),
    "self-crossing": N_(
        "The outline crosses itself too often to be repaired: draw it anew, or clean it with a GIS."
    ),
    "swapped-axes": N_("Latitude and longitude are exchanged: GeoJSON has the longitude first."),
    "outside-france": N_("The site does not touch a French territory."),
    "too-wide": N_("The site has more than {most} km²: split it."),
    "too-large": N_("The file has more than {megabytes} MB."),
    "bad-buffer": N_("The distance around the site is a number of metres, and at most {most} km."),
    "no-commune": N_("There is no commune with the code {code}."),
    "no-epci": N_("There is no intercommunality with the code {code}."),
    "too-many-communes": N_(
        "A site has at most {most} communes: take the intercommunality, or a file."
    ),
    "no-outline": N_("The outline of {name} is not known here: draw the site, or choose a file."),
    "unknown-format": N_("The file is neither GeoJSON, KML, GeoPackage nor a zipped Shapefile."),
    "unreadable": N_("The file could not be read: it is damaged, or not what its name says."),
    "active-file": N_(
        "The file has tables that are read from elsewhere: export its layer to a new file."
    ),
    "broken-archive": N_("The archive is damaged or locked by a password."),
    "nothing-inside": N_("The archive holds no Shapefile, GeoPackage, GeoJSON or KML."),
    "too-many-files": N_("The archive holds too many files."),
    "bomb": N_("The archive is too large once unpacked."),
    "too-complex": N_("The file is too complex to be read: simplify it first."),
    "too-slow": N_("It took too long to read the file: simplify it first."),
    "not-confined": N_(
        "Files are not read on this portal, which cannot read them safely: draw the site."
    ),
}
_FAR = 5_000


def state(code: str) -> str:
    """Return the name of a state of a need or a dataset."""
    return tk._(LABELS[code])


def extent(code: str) -> str:
    """Return how the extent of a dataset is known."""
    return tk._(EXTENTS.get(code, EXTENTS["unknown"]))


def sentence(finding: Finding) -> str:
    """Return what is known of a dataset or a need on a site, with the day and number of "
    "attempts if it was asked."""
    text = tk._(SENTENCES.get(finding.code, SENTENCES["unknown"]))
    params = {**finding.params, "share": percent(finding.share)}
    params["place"] = place(str(finding.params.get("place") or ""))
    number = finding.count or 0
    objects = tk.ungettext("{number} object", "{number} objects", number)
    params["objects"] = objects.format(number=number)
    sentences = [text.format_map(_Given(params))]
    if finding.nearest:
        nearest = tk._("The nearest one is {distance} away.")
        sentences.append(nearest.format(distance=distance(finding.nearest)))
    if finding.attempts and finding.at:
        asked = tk._("Asked on {day}.")
        if finding.state == NO_ANSWER:
            asked = tk.ungettext(
                "Asked once, on {day}.", "Asked {number} times, last on {day}.", finding.attempts
            )
        day = dates.day(finding.at)
        sentences.append(asked.format(day=day, number=finding.attempts))
    return " ".join(sentences)


def reason(code: str, params: Mapping[str, Any]) -> str:
    """Return why a dataset is proposed for a need."""
    said = dict(params)
    if "place" in said:
        said["place"] = place(str(said["place"]))
    if "theme" in said:
        concept = voc.get("themes").get(str(said["theme"]))
        if concept:
            said["theme"] = concept.label(language.current())
    return tk._(REASONS[code]).format_map(_Given(said))


def site_error(code: str, params: Mapping[str, Any]) -> str:
    """Return what is wrong with a site, and what to do."""
    text = tk._(SITE_ERRORS.get(code, SITE_ERRORS["unreadable"]))
    return text.format_map(_Given(params))


class _Given(dict[str, Any]):
    """Parameters of a message, of which none may be missing: stored findings may be older than "
    "the sentence."""

    def __missing__(self, key: str) -> str:
        return "…"


def percent(share: float) -> str:
    """Return a share as a percentage; never "0 %" or "100 %" for a part."""
    number = round(share * 100)
    if 0 < share < 1:
        number = min(99, max(1, number))
    return f"{number}\u00a0%"


def distance(metres: float) -> str:
    """Return a distance, to some ten metres, or to a kilometre from five on."""
    if metres >= _FAR:
        return f"{round(metres / 1000)}\u00a0km"
    return f"{max(10, round(metres, -1)):.0f}\u00a0m"


def place(value: str) -> str:
    """Return the name of a place, given as an index value."""
    known = gazetteer.of_id(value)
    if known is None:
        return value
    if known.kind in ("commune", "epci"):
        return known.label
    concept = voc.get("territories").get(value)
    if concept:
        return concept.label(language.current())
    return known.label
