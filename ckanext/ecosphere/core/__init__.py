"""Changes to CKAN itself, made without touching its code: accounts, API, texts, dashboards, outage pages."""
