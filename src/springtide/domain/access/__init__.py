"""Access: shops, people, roles, sessions, API keys and the audit log."""
