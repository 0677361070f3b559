"""SQLite: a worker process that may be killed at any moment holds the file; the server itself never opens it."""
