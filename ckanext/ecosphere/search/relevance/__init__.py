"""What a person's question means, and the Solr query that answers it. Only `search.py` knows CKAN."""
