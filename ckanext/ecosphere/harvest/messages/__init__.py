"""User-facing messages of the harvest: labels for reports, form errors, translated terms."""
