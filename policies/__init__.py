"""What is allowed, as code. Knows neither the chain nor the tools."""
