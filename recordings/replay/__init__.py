"""A session again: played back for people, answered again for programs."""
