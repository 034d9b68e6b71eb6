"""The catalogue as a whole: adoption of existing datasets, removal, CSV table, sitemap, licences, inheritance."""
