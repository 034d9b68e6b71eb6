"""`make attack`: security tests of the running portal over HTTP, with real sessions and hostile harvest sources.

`classes` lists the classes of attack, whose attempts are listed in the tables of `data`: `asking` runs those that are
requests with an expectation; `accounts`, `mails`, `files`, `texts`, `sources` and `fairness` have the others. `stage`
creates the accounts and objects under attack, `client` sends HTTP requests as one of these accounts, `load` measures
what an answer costs the portal, `hostile` serves hostile sources (`behaviours`) and canaries, `readers` reads exports
as their readers would, `browser` detects scripts that run, `routes` lists the portal's routes.
"""
