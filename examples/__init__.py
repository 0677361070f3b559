"""Things a user copies."""
