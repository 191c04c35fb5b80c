"""NOWPayments: requests as exact bytes, answers and notices as observations; no network of its own."""
