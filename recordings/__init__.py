"""What happened, provably. Knows neither the chain nor the tools."""
