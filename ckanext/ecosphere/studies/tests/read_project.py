"""Read a project with QGIS and print its groups and layers as JSON.

Run by the Python of the system.
"""

import json
import sys

from qgis.core import QgsApplication, QgsLayerTreeGroup, QgsProject

APPLICATION = QgsApplication([], False)
APPLICATION.initQgis()
PROJECT = QgsProject.instance()
MESSAGES = []
QgsApplication.messageLog().messageReceived.connect(lambda text, *_about: MESSAGES.append(text))


def described(group):
    """Return the groups and layers in a group, in order; of a layer, whether it is valid."""
    content = {}
    for child in group.children():
        content[child.name()] = (
            described(child) if isinstance(child, QgsLayerTreeGroup) else child.layer().isValid()
        )
    return content


read = PROJECT.read(sys.argv[1])
groups = described(PROJECT.layerTreeRoot())
print(
    json.dumps(
        {"read": read, "crs": PROJECT.crs().authid(), "groups": groups, "messages": MESSAGES}
    )
)
sys.stdout.flush()
PROJECT.clear()
APPLICATION.exitQgis()
