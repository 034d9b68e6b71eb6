"""Letters to requesters: decisions with their grounds, remedies and author; receipts; word of an implicit refusal."""
