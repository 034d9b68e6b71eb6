"""Read a project with QGIS and print its groups and layers as JSON; run by the Python of the system."""

import json
import sys

from qgis.core import QgsApplication, QgsLayerTreeGroup, QgsProject

APPLICATION = QgsApplication([], False)
APPLICATION.initQgis()
PROJECT = QgsProject.instance()


def described(group):
    """Return the groups and layers in a group, in order: a layer is its validity, or what is wrong with it."""
    content = {}
    for child in group.children():
        if isinstance(child, QgsLayerTreeGroup):
            content[child.name()] = described(child)
        else:
            layer = child.layer()
            reasons = [layer.error().summary(), layer.dataProvider().error().summary()] if not layer.isValid() else []
            content[child.name()] = " ".join(reasons) or layer.isValid()
    return content


read = PROJECT.read(sys.argv[1])
print(json.dumps({"read": read, "crs": PROJECT.crs().authid(), "groups": described(PROJECT.layerTreeRoot())}))
PROJECT.clear()
APPLICATION.exitQgis()
