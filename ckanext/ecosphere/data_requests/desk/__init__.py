"""What only the people of a service see of their requests: who has which, who is away, who was told that it is late."""
