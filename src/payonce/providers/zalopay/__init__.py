"""ZaloPay: requests as exact bytes, answers and callbacks as observations; no network of its own."""
