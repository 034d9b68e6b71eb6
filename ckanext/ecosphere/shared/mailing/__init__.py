"""E-mail delivery of the portal: an outbox in the database, standard headers, retries.

Each room keeps its own table of notifications, with the columns that `outbox.Outbox` needs.
"""
