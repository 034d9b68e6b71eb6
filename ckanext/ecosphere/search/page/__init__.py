"""Contents of the search page: URLs, chips, facets, results, map."""
