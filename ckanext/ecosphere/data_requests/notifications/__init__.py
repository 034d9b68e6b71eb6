"""Who is told what: rows that wait, their texts, and the e-mails that leave from them."""
