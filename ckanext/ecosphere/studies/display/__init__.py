"""What pages of studies show beside texts: the map of a site, and figures about missing data."""
