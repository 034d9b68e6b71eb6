"""What the suite changes in CKAN itself, without touching its code: accounts, API, texts, pages while it is away."""
