"""Letters to requesters: decisions with grounds, remedies and author; receipts; notices of implicit refusal."""
