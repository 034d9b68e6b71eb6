"""ISO 19139 records in the forms that Géo-IDE, Prodige and GeoNetwork produce."""

from __future__ import annotations

from collections.abc import Callable

from ckanext.ecosphere import vocabularies as voc

from . import iso, places, quirks
from .draft import Draft

CODE_SPACE = "fr-120066022"
INSPIRE_REGULATION = (
    "RÈGLEMENT (UE) N o 1089/2010 DE LA COMMISSION du 23 novembre 2010 portant modalités d'application de la directive "
    "2007/2/CE du Parlement européen et du Conseil en ce qui concerne l'interopérabilité des séries et des services "
    "de données géographiques"
)


def _head(draft: Draft, identifier: str, organisation: str, *, as_text: bool = False) -> str:
    """Return the elements from the file identifier to the reference systems."""
    language = iso.text("gmd:language", "fre") if as_text else iso.code("gmd:language", "LanguageCode", "fre")
    stamp = draft.stamp.isoformat()
    moment = iso.tag("gco:DateTime", f"{stamp}T14:37:39.946+02:00") if draft.chance(0.5) else iso.tag("gco:Date", stamp)
    return "".join(
        (
            iso.text("gmd:fileIdentifier", identifier),
            language,
            iso.code("gmd:characterSet", "MD_CharacterSetCode", "utf8"),
            iso.code("gmd:hierarchyLevel", "MD_ScopeCode", "dataset"),
            iso.party("gmd:contact", organisation, places.mailbox(draft.service), "pointOfContact"),
            iso.tag("gmd:dateStamp", moment),
            iso.text("gmd:metadataStandardName", "ISO 19115"),
            iso.text("gmd:metadataStandardVersion", "2003 Cor.1:2006"),
            quirks.reference_systems(draft),
        )
    )


def _identifiers(*codes: str, space: str = "") -> str:
    spaces = iso.text("gmd:codeSpace", space) if space else ""
    kind = "gmd:RS_Identifier" if space else "gmd:MD_Identifier"
    return "".join(iso.tag("gmd:identifier", iso.tag(kind, iso.text("gmd:code", code), spaces)) for code in codes)


def _citation(draft: Draft, identifiers: str) -> str:
    dates = iso.dated("revision", quirks.day(draft, draft.revised), with_time=draft.care == 3 and draft.chance(0.2))
    if draft.care:
        dates += iso.dated("publication", quirks.day(draft, draft.published))
        dates += iso.dated("creation", quirks.day(draft, draft.created))
    table = iso.text("gmd:alternateTitle", draft.table) if draft.care > 1 and draft.title != draft.table else ""
    inside = iso.tag("gmd:CI_Citation", iso.text("gmd:title", draft.title), table, dates, identifiers)
    return iso.tag("gmd:citation", inside) + iso.text("gmd:abstract", draft.abstract)


def _parties(draft: Draft, organisation: str) -> str:
    mailbox = places.mailbox(draft.service) if draft.care else ""
    role = draft.pick("pointOfContact", "owner", "pointOfContact", "publisher", "Owner")
    written = iso.party("gmd:pointOfContact", organisation, mailbox, role)
    if draft.care == 3:
        written += iso.party("gmd:pointOfContact", organisation, mailbox, "custodian", position="Unité SIG")
    return written


def _inspire(draft: Draft) -> str:
    theme = voc.get("inspire-theme")[f"http://inspire.ec.europa.eu/theme/{draft.subject.inspire}"]
    title, published = draft.rng.choice(quirks.VARIANTS["inspire_thesauri"])
    return iso.keywords([theme.label_fr], kind="theme", thesaurus=title, published=published)


def _tail(draft: Draft, *extent: str) -> str:
    """Return the elements of the identification from the representation type to the extent."""
    return "".join(
        (
            iso.code("gmd:spatialRepresentationType", "MD_SpatialRepresentationTypeCode", _representation(draft)),
            iso.resolution(draft.subject.scale) if draft.care > 1 else "",
            iso.code("gmd:language", "LanguageCode", "fre"),
            iso.tag("gmd:topicCategory", iso.tag("gmd:MD_TopicCategoryCode", draft.subject.topic))
            if draft.care
            else "",
            iso.extent(*extent, quirks.period(draft)),
        )
    )


def _representation(draft: Draft) -> str:
    return "grid" if draft.subject.geometry == "raster" else "vector"


def _quality(draft: Draft) -> str:
    reports = (
        [iso.conformity(INSPIRE_REGULATION, "2010-12-08", draft.pick(None, False, True))] if draft.care > 1 else []
    )
    if draft.subject.standard and draft.care > 1:
        reports.append(iso.conformity(draft.subject.standard, "2016-02-05", draft.pick(None, True)))
    return iso.quality(draft.subject.lineage if draft.care else "", *reports)


def geoide(draft: Draft) -> str:
    """Return a Géo-IDE record: swapped boxes, views of the metadata as downloads, links for internet and intranet."""
    kind = "ldd" if draft.is_lot else "jdd"
    identifier = f"{CODE_SPACE}-{kind}-{draft.uuid}"
    organisation = draft.rng.choice(places.spellings(draft.service))
    paths = [draft.subject.covadis]
    words = ["données ouvertes", *draft.keywords] if draft.chance(0.4) else draft.keywords
    packed = [";".join(words)] if draft.chance(0.05) else words
    series = iso.tag("gmd:parentIdentifier", iso.tag("gco:CharacterString", f"{CODE_SPACE}-sjdd-{draft.resource_uuid}"))
    identification = iso.tag(
        "gmd:MD_DataIdentification",
        _citation(draft, _identifiers(draft.resource_uuid, space="http://catalogue.geo-ide.example")),
        iso.code("gmd:status", "MD_ProgressCode", "completed"),
        _parties(draft, organisation),
        quirks.frequency(draft),
        iso.keywords(paths, kind="theme", thesaurus="Arborescence COVADIS", published="2011-12-01"),
        iso.keywords(packed, kind="theme") if draft.care else "",
        iso.keywords(quirks.territory_keywords(draft), kind="place"),
        _inspire(draft) if draft.care else "",
        quirks.constraints(draft),
        _members(draft),
        _tail(draft, quirks.boxes(draft, swapped=0.6, metres=0.02)),
    )
    head = _head(draft, identifier, organisation)
    return iso.root(
        head.replace("<gmd:hierarchyLevel>", series + "<gmd:hierarchyLevel>", 1),
        iso.tag("gmd:identificationInfo", identification),
        _geoide_links(draft, identifier),
        _quality(draft),
    )


def _members(draft: Draft) -> str:
    """Return the datasets of a lot, as Géo-IDE lists them."""
    association = iso.code("gmd:associationType", "DS_AssociationTypeCode", "partOfSeamlessDatabase")
    written = []
    for member in draft.members:
        code = iso.text("gmd:code", f"{CODE_SPACE}-jdd-{member}")
        identifier = iso.tag("gmd:aggregateDataSetIdentifier", iso.tag("gmd:MD_Identifier", code))
        information = iso.tag("gmd:MD_AggregateInformation", identifier, association)
        written.append(iso.tag("gmd:aggregationInfo", information))
    return "".join(written)


def _geoide_links(draft: Draft, identifier: str) -> str:
    host, data = "geo-ide.example", draft.resource_uuid
    download = "WWW:DOWNLOAD-1.0-http--download"
    page = f"http://catalogue.{host}/catalogue/srv/fre/catalog.search#/metadata/{identifier}"
    raw = f"https://ogc.{host}/csw/all-dataset?REQUEST=GetRecordById&SERVICE=CSW&VERSION=2.0.2&ID={identifier}"
    groups = [
        iso.transfer(
            iso.online(page, download, "Vue HTML des métadonnées sur internet"),
            iso.online(raw, download, "Vue XML des métadonnées"),
            units="Accès aux métadonnées",
        )
    ]
    if draft.subject.standard:
        standard = f"http://geostandards.{host}/afficherPageStandard.do?jeu={draft.table}"
        groups.append(
            iso.transfer(
                iso.online(standard, "WWW:LINK-1.0-http--link", f"Standard de données : {draft.subject.standard}"),
                units="Autres ressources en ligne",
            )
        )
    for network, place in (("internet", f"atom.{host}"), ("intranet", "atom.geo-ide.i2")):
        url = f"https://{place}/atomArchive/GetResource?id={data}&dataType=dataset"
        name = f"Téléchargement simple (Atom) du jeu et des documents associés via {network}"
        if draft.care or draft.chance(0.5):
            groups.append(iso.transfer(iso.online(url, download, name), units="Accès aux données"))
    for network, place in (("internet", f"ogc.{host}"), ("intranet", "ogc.geo-ide.i2")):
        if draft.care > 1:
            url = f"https://{place}/wxs?map=/carto/org_38114/{data}.{network}.map&service=WMS&request=GetCapabilities"
            name = f"URL du GetCapabilities WMS sur {network}"
            groups.append(
                iso.transfer(iso.online(url, None, name), units="URL du GetCapabilities des services wms/wfs")
            )
    formats = iso.fmt(*draft.rng.choice(quirks.VARIANTS["formats"]))
    return iso.tag("gmd:distributionInfo", iso.tag("gmd:MD_Distribution", formats, *groups))


def prodige(draft: Draft) -> str:
    """Return a Prodige record: links to basket, viewer and Atom feed; the French profile's identification in some."""
    host, organisation = draft.catalogue.host, draft.rng.choice(places.spellings(draft.service))
    codes = [f"https://catalogue.{host}/geonetwork/srv/{draft.uuid}"]
    if draft.republished:
        codes.append(draft.resource_uuid)
    identification = iso.tag(
        "fra:FRA_DataIdentification" if draft.index % 5 == 2 else "gmd:MD_DataIdentification",
        _citation(draft, _identifiers(*codes)),
        _parties(draft, organisation),
        quirks.frequency(draft),
        iso.keywords(draft.keywords, kind="theme"),
        _inspire(draft),
        iso.keywords(
            quirks.territory_keywords(draft),
            kind="place",
            thesaurus="NouvellesRegionAdminExpress",
            published="2006-09-22",
        ),
        '<gmd:descriptiveKeywords><gmd:MD_Keywords><gmd:keyword gco:nilReason="missing"><gco:CharacterString/>'
        "</gmd:keyword></gmd:MD_Keywords></gmd:descriptiveKeywords>",
        quirks.constraints(draft),
        _tail(draft, quirks.boxes(draft, swapped=0.0, several=0.15)),
    )
    return iso.root(
        _head(draft, draft.uuid, organisation, as_text=True),
        iso.tag("gmd:identificationInfo", identification),
        _prodige_links(draft, host),
        _quality(draft),
        fra=True,
        gml=iso.GML_32,
    )


def _prodige_links(draft: Draft, host: str) -> str:
    number = 1000 + draft.index
    site, data = f"https://catalogue.{host}", f"https://datacarto.{host}"
    links = [
        iso.online(f"{site}/geosource/consultationWMS?IDT={number}", "WWW:LINK-1.0-http--link", "Visualiser la donnée"),
        iso.online(
            f"{site}/geosource/panierDownloadFrontalParametrage?LAYERIDTS={number}",
            draft.rng.choice(quirks.VARIANTS["download_protocols"]),
            "Téléchargement direct des données",
        ),
    ]
    if draft.care:
        links.append(iso.online(f"{site}/rss/atomfeed/atomdataset/{draft.uuid}", "WWW:LINK", "Flux ATOM"))
        links.append(
            iso.online(f"{data}/cgi-bin/mapservwms?", draft.rng.choice(quirks.VARIANTS["wms_protocols"]), draft.table)
        )
        links.append(iso.online(f"{data}/wfs?", draft.rng.choice(quirks.VARIANTS["wfs_protocols"]), draft.table))
    if draft.care == 3:
        links.append(iso.online(f"{data}/exports/{draft.table}.csv", "HTTP", f"{draft.table}.csv"))
    if draft.chance(0.1):
        links.append(iso.online(f"dbname=prodige host=localhost table={draft.table}", "DB:POSTGIS", draft.table))
    formats = iso.fmt(*draft.rng.choice(quirks.VARIANTS["formats"]))
    return iso.tag("gmd:distributionInfo", iso.tag("gmd:MD_Distribution", formats, iso.transfer(*links)))


def geonetwork(draft: Draft) -> str:
    """Return a record of a plain GeoNetwork: identifiers of all forms, sometimes HTML, more complete otherwise."""
    host, organisation = draft.catalogue.host, draft.rng.choice(places.spellings(draft.service))
    identifier = (
        draft.uuid,
        draft.uuid,
        draft.uuid,
        f"{{{draft.uuid.upper()}}}",
        f"urn:isogeo:metadata:uuid:{draft.uuid}",
        f"{draft.table}.xml",
    )[draft.index % 6]
    code = (
        f"https://www.{host}/geonetwork/srv/resources/{draft.resource_uuid}"
        if draft.care
        else draft.pick("", "A REMPLIR")
    )
    if draft.chance(0.06):
        draft.abstract = f"<p>{draft.abstract}</p><ul><li>Mise à jour : {draft.year}</li></ul>"
    if draft.index % 40 == 39:
        draft.title = ""
    themes = [draft.subject.theme] if draft.care > 1 else []
    identification = iso.tag(
        "gmd:MD_DataIdentification",
        _citation(draft, _identifiers(code) if code else ""),
        iso.text("gmd:purpose", "Connaissance du territoire et appui aux politiques publiques")
        if draft.care == 3
        else "",
        iso.code("gmd:status", "MD_ProgressCode", draft.pick("onGoing", "completed", "historicalArchive")),
        _parties(draft, organisation),
        quirks.frequency(draft),
        iso.keywords(draft.keywords, kind="theme"),
        iso.keywords(themes, kind="theme", thesaurus="Thèmes Écosphères", published="2022-02-01"),
        _inspire(draft),
        iso.keywords(quirks.territory_keywords(draft), kind="place"),
        quirks.constraints(draft),
        _tail(draft, quirks.boxes(draft, swapped=0.05, several=0.2)),
    )
    return iso.root(
        _head(draft, identifier, organisation),
        iso.tag("gmd:identificationInfo", identification),
        _geonetwork_links(draft, host),
        _quality(draft),
        gml=iso.GML_32 if draft.index % 2 else iso.NAMESPACES["gml"],
    )


def _geonetwork_links(draft: Draft, host: str) -> str:
    layer = draft.table.lower()
    links = []
    if draft.care:
        wms, wfs = (
            draft.rng.choice(quirks.VARIANTS["wms_protocols"]),
            draft.rng.choice(quirks.VARIANTS["wfs_protocols"]),
        )
        links.append(iso.online(f"https://www.{host}/geoserver/wms", wms, f"dreal:{layer}", draft.title))
        links.append(iso.online(f"https://www.{host}/geoserver/wfs", wfs, f"dreal:{layer}", draft.title))
    if draft.care > 1:
        files = {"zip": "Shapefile", "gpkg": "GeoPackage", "geojson": "GeoJSON", "csv": "Tableau"}
        for suffix in draft.rng.sample(sorted(files), draft.care - 1):
            url = f"https://files.{host}/{layer}.{suffix}"
            links.append(
                iso.online(
                    url,
                    draft.rng.choice(quirks.VARIANTS["download_protocols"]),
                    f"{files[suffix]} ({suffix})",
                    function="download",
                )
            )
    if draft.care == 3:
        links.append(
            iso.online(
                f"https://www.{host}/doc/{layer}.pdf",
                "WWW:LINK-1.0-http--link",
                "Notice d'accompagnement",
                function="information",
            )
        )
    if draft.chance(0.08):
        links.append(iso.online(f"file://serveur/partage/{draft.table}.shp", "COPYFILE", draft.table))
    if not links:
        return ""
    formats = iso.fmt(*draft.rng.choice(quirks.VARIANTS["formats"]))
    return iso.tag("gmd:distributionInfo", iso.tag("gmd:MD_Distribution", formats, iso.transfer(*links)))


SHAPES: dict[str, Callable[[Draft], str]] = {"geoide": geoide, "prodige": prodige, "geonetwork": geonetwork}
