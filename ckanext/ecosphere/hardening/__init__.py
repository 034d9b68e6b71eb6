"""Repairs of CKAN and of the extensions beneath the suite, numbered as the defects in
`docs/upstream.md`.

Each module names the defects that it repairs and the version that makes it unnecessary. Nothing
imports this folder: a portal without the plugin `ecosphere_hardening` works, less guarded.
"""
