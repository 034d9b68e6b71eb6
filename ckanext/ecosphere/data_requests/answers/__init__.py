"""Answers to requests: files and links delivered besides datasets of the portal, and the requester's satisfaction."""
