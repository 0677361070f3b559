"""The process that opens a SQLite file. Started by `process.Worker`, with an empty environment.

It imports nothing of the package and as little else as it can: it starts in about 30 ms, and whatever a statement or a
malformed file does to it, nothing else is hurt. It answers one request at a time over one socket; frames are a length
of four bytes and JSON. It never answers with the text of an execution error, only with SQLite's name of its kind.

What holds here, beneath the guard: the file is opened read-only (but for writes, in a process of their own), an
authorizer allows reading and nothing else, limits of SQLite and of the system bound size and memory, and a timer of
the kernel ends the process at the deadline even if nobody is left to kill it.
"""
