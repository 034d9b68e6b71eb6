"""Letters to requesters: decisions with grounds, remedies and author; receipts.

Notices of implicit refusal.
"""
