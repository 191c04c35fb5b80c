"""Stripe: requests as exact bytes, answers and events as observations; no network of its own."""
