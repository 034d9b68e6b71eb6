"""Write datasets as ISO 19139 records."""
