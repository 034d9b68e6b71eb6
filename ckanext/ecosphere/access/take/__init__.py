"""Extracts of services: request URLs, code snippets, and files made in the background."""
