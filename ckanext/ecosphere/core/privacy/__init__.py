"""Privacy of accounts, private datasets, their tags and activities; closing of accounts."""
