"""The one way in which e-mails of the portal leave: rows that wait, headers that mail servers expect, a patient sender.

A room keeps a table of its own with what is told to whom, and the columns that `outbox.Outbox` needs.
"""
