"""People: letters about accounts, invitations, what they did, and the erasure of a customer."""
