"""Fixtures: the portal with its CSRF protection enabled, and users who log in through the form."""

from ckanext.ecosphere.shared.tests.conftest import log_in, people, portal, visitor

__all__ = ["log_in", "people", "portal", "visitor"]
