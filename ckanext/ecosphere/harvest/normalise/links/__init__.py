"""Convert the links of a record to resources and pages of the dataset."""

from ckanext.ecosphere.dataset import services as protocols  # noqa: F401  (for `links.marked`)
