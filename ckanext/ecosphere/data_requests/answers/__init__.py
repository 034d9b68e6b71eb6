"""What a service hands over besides datasets of the portal, and whether it was what the requester needed."""
