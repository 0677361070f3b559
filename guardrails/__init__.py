"""The chain of every call, and the doors that lead to it."""
