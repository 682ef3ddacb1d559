"""The way in: log-in, second factor, recovery, invitations."""
