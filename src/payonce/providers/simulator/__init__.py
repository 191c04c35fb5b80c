"""Providers that never were: servers that speak the wire protocols and can be told to misbehave."""
