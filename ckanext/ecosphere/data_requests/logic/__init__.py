"""Actions, access rules and schemas of data requests, as CKAN calls them."""
