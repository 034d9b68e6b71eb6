"""Bulk saving of datasets with the same results as CKAN: validation and index documents."""
