"""What the pages of studies share: log-in, errors and forms, the map of a site, and figures about missing data."""
