"""Write QGIS layer definitions: a layer tree and the layers, as `QgsLayerDefinition::exportLayerDefinition`.

Structure: https://docs.qgis.org/latest/en/docs/user_manual/introduction/general_tools.html#layer-definition-file and
`src/core/qgslayerdefinition.cpp`, `qgslayertreelayer.cpp`, `qgsmaplayer.cpp` of QGIS.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from lxml import etree

from ckanext.ecosphere.access.qgis.sources import VECTOR, Source
from ckanext.ecosphere.shared import characters

MEDIA_TYPE = "application/x-qgis-layer-definition"
SUFFIX = ".qlr"
DOCTYPE = "<!DOCTYPE qgis-layer-definition>"


def write(title: str, groups: Sequence[tuple[str, Sequence[Source]]]) -> bytes:
    """Return a file that adds layers to a QGIS project.

    Args:
        title: title of the top group.
        groups: title and layers of each dataset; datasets without layers are left out, and a single one gets no group
            of its own.
    """
    root = etree.Element("qlr")
    top = _group(root, title)
    layers = etree.SubElement(root, "maplayers")
    kept = [(name, sources) for name, sources in groups if sources]
    for name, sources in kept:
        parent = top if len(kept) == 1 else _group(top, name)
        for source in sources:
            _layer(parent, layers, source)
    return etree.tostring(root, encoding="utf-8", doctype=DOCTYPE, pretty_print=True)


def _group(parent: etree._Element, name: str) -> etree._Element:
    group = etree.SubElement(
        parent, "layer-tree-group", name=_text(name), expanded="1", checked="Qt::Checked", groupLayer=""
    )
    etree.SubElement(group, "customproperties")
    return group


def _layer(tree: etree._Element, layers: etree._Element, source: Source) -> None:
    title, uri = _text(source.title), _text(source.uri)
    id_ = f"layer_{uuid.uuid5(uuid.NAMESPACE_URL, f'{source.provider} {uri}').hex}_{len(layers)}"
    branch = etree.SubElement(
        tree,
        "layer-tree-layer",
        id=id_,
        name=title,
        source=uri,
        providerKey=source.provider,
        checked="Qt::Checked",
        expanded="0",
        legend_exp="",
    )
    etree.SubElement(branch, "customproperties")
    layer = etree.SubElement(
        layers, "maplayer", type=source.kind, hasScaleBasedVisibilityFlag="0", autoRefreshMode="Disabled"
    )
    for name, value in (("id", id_), ("datasource", uri), ("layername", title)):
        etree.SubElement(layer, name).text = value
    if source.crs:
        system = etree.SubElement(etree.SubElement(layer, "srs"), "spatialrefsys", nativeFormat="Wkt")
        etree.SubElement(system, "authid").text = "OGC:CRS84" if source.crs == "CRS:84" else _text(source.crs)
    provider = etree.SubElement(layer, "provider")
    provider.text = source.provider
    if source.kind == VECTOR:
        provider.set("encoding", "UTF-8")


def _text(text: str) -> str:
    """Return a text without characters that XML forbids."""
    return characters.clean(text)
