"""What CKAN tells everybody, and only some may know: private datasets, and personal data of accounts."""
