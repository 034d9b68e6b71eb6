"""What the pages of studies show: the map of a site, and figures about missing data."""
