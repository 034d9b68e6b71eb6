"""Log-in with OpenID Connect, as ProConnect speaks it."""
