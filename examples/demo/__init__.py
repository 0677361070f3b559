"""The demo: a clinic that never existed, and an agent that works in it."""
