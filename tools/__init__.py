"""What an agent can do. Tools know neither the chain nor policies nor recordings."""
