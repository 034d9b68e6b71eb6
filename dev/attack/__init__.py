"""`make attack`: security tests of the running portal over HTTP, with real sessions and hostile
harvest sources.

The classes of attack are listed in `__main__`, what they try in the tables of `data`: `asking` runs
those that are requests with an expectation; `accounts`, `mails`, `files`, `texts` and `sources`
have the others. `stage` creates the accounts and objects under attack, `client` sends HTTP requests
as one of these accounts, `load` measures what an answer costs the portal, `hostile` serves hostile
sources and canaries, `readers` reads exports as their readers would, `browser` detects scripts that
run, `routes` lists the portal's routes.
"""
