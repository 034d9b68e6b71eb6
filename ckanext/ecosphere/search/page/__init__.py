"""What the search page shows: addresses, chips, facets, results, the map."""
