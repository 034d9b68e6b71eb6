"""Open layer definitions (.qlr) in QGIS and tell which of their layers it could load.

    /usr/bin/python3 dev/open_in_qgis.py FILE.qlr …     (Debian: python3-qgis, qgis-providers)

Ends with 1 when a file or a layer is not valid. The servers that the layers name must answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (  # pyright: ignore[reportMissingImports] - of Debian, not of the project
    Qgis,
    QgsApplication,
    QgsLayerDefinition,
    QgsProject,
)


def main(files: list[str]) -> int:
    """Load each file into an empty project; return 1 when something of one is not valid."""
    application = QgsApplication([], False)
    application.initQgis()
    bad = 0
    sys.stdout.write(f"QGIS {Qgis.QGIS_VERSION}\n")
    for file in files:
        project = QgsProject.instance()
        project.clear()
        loaded, message = QgsLayerDefinition.loadLayerDefinition(file, project, project.layerTreeRoot())
        layers = list(project.mapLayers().values())
        sys.stdout.write(f"{file}: {'loaded' if loaded else message}, {len(layers)} layers\n")
        bad += not loaded or not layers
        for layer in layers:
            bad += not layer.isValid()
            state = "valid" if layer.isValid() else "NOT VALID"
            sys.stdout.write(f"  {layer.name()}: {layer.dataProvider().name()}, {layer.crs().authid()}, {state}\n")
    application.exitQgis()
    return 1 if bad else 0


if __name__ == "__main__":
    # QGIS goes into the folder of each file that it opens.
    sys.exit(main([str(Path(each).resolve()) for each in sys.argv[1:]]))
