"""E-mails of the portal: standard headers, harmless texts, and the mail server; `work.outbox` keeps and sends them."""
