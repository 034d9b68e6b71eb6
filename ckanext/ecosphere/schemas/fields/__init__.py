"""Values of the schema's fields: parsing, conditions, geometries, places, formats."""
