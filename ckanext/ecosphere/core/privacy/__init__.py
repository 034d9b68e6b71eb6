"""What is told to whom: of accounts, of private datasets, of their tags and of their past; how an account is closed."""
