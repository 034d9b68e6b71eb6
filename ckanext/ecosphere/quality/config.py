"""Options of the room, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.quality.core.score import DEFAULT_MODEL, Model, load_model
from ckanext.ecosphere.shared.http_guard import networks, ports
from ckanext.ecosphere.shared.http_guard.addresses import Network

QUEUE = "ecosphere:quality"

MODEL_FILE = "ecosphere.quality.model_file"
DATASET_TYPES = "ecosphere.quality.dataset_types"
MINIMUM_SIZE = "ecosphere.quality.minimum_size"
TARGET = "ecosphere.quality.target"
OVERVIEW_MINUTES = "ecosphere.quality.overview_minutes"
LINK_INTERVAL = "ecosphere.quality.link_interval"
LINK_PAUSE = "ecosphere.quality.link_pause"
SHAPES = "ecosphere.quality.shapes"
PUBLISH_RDF = "ecosphere.quality.publish_rdf"
ALLOWED_NETWORKS = "ecosphere.quality.allowed_networks"
ALLOWED_PORTS = "ecosphere.quality.allowed_ports"


def model() -> Model:
    """Return the weights and levels in force.

    Raises:
        ModelError: the configured file cannot be used.
    """
    return load_model(str(tk.config[MODEL_FILE] or DEFAULT_MODEL))


def dataset_types() -> list[str]:
    """Return the types of packages that are scored."""
    return tk.config[DATASET_TYPES]


def minimum_size() -> int:
    """Return the number of public datasets from which a service is compared with the others."""
    return tk.config[MINIMUM_SIZE]


def target() -> int:
    """Return the mean score that each service should reach, 0 for none."""
    return tk.config[TARGET]


def overview_minutes() -> int:
    """Return the minutes for which the figures of the portal are kept, 0 for figures that are counted at each visit."""
    return tk.config[OVERVIEW_MINUTES]


def link_interval() -> int:
    """Return the days between two checks of a link that answers."""
    return tk.config[LINK_INTERVAL]


def link_pause() -> float:
    """Return the seconds between two requests to one host."""
    return tk.config[LINK_PAUSE]


def allowed_networks() -> tuple[Network, ...]:
    """Return the private networks whose links may be checked."""
    return networks(tk.config[ALLOWED_NETWORKS])


def allowed_ports() -> frozenset[int]:
    """Return the ports on which links may be checked, none for all."""
    return ports(tk.config[ALLOWED_PORTS])


def shapes() -> str:
    """Return the path to the SHACL shapes of the administrator, "" for those of the project."""
    return tk.config[SHAPES]


def publish_rdf() -> bool:
    """Tell whether the quality of datasets is written in their RDF."""
    return tk.config[PUBLISH_RDF]
