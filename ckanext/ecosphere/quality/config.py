"""Configuration options of the quality room."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.quality.core.score import DEFAULT_MODEL, Model, load_model
from ckanext.ecosphere.shared.http_guard import networks, ports
from ckanext.ecosphere.shared.http_guard.addresses import Network

QUEUE = "ecosphere:quality"

MODEL_FILE = "ecosphere.quality.model_file"
ALLOWED_NETWORKS = "ecosphere.quality.allowed_networks"
ALLOWED_PORTS = "ecosphere.quality.allowed_ports"


def model() -> Model:
    """Return the current weights and levels.

    Raises:
        ModelError: the configured file cannot be used.
    """
    return load_model(str(tk.config[MODEL_FILE] or DEFAULT_MODEL))


def dataset_types() -> list[str]:
    """Return the package types that are scored."""
    return tk.config["ecosphere.quality.dataset_types"]


def minimum_size() -> int:
    """Return the minimum number of public datasets for a service to be compared with others."""
    return tk.config["ecosphere.quality.minimum_size"]


def target() -> int:
    """Return the target mean score of each service, 0 for none."""
    return tk.config["ecosphere.quality.target"]


def overview_minutes() -> int:
    """Return for how many minutes the portal's figures are cached,
    0 to compute them at each visit.
    """
    return tk.config["ecosphere.quality.overview_minutes"]


def link_interval() -> int:
    """Return the days between checks of a working link."""
    return tk.config["ecosphere.quality.link_interval"]


def link_pause() -> float:
    """Return the seconds between requests to the same host."""
    return tk.config["ecosphere.quality.link_pause"]


def allowed_networks() -> tuple[Network, ...]:
    """Return the private networks whose links may be checked."""
    return networks(tk.config[ALLOWED_NETWORKS])


def allowed_ports() -> frozenset[int]:
    """Return the ports on which links may be checked, empty for all."""
    return ports(tk.config[ALLOWED_PORTS])


def publish_rdf() -> bool:
    """Return whether quality measurements are included in the RDF of datasets."""
    return tk.config["ecosphere.quality.publish_rdf"]
