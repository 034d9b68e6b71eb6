"""Open layer definitions (.qlr) in QGIS and print which of their layers could be loaded.

    /usr/bin/python3 dev/open_in_qgis.py FILE.qlr …     (Debian: python3-qgis, qgis-providers)

Exits with 1 if a file or a layer is invalid. The servers of the layers must be reachable.
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
    """Load each file into an empty project; return 1 if a file or layer is invalid."""
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
    # Absolute paths, since QGIS changes to the folder of each file that it opens.
    sys.exit(main([str(Path(each).resolve()) for each in sys.argv[1:]]))
