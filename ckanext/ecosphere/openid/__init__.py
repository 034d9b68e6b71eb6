"""Log-in with OpenID Connect, compatible with ProConnect."""
