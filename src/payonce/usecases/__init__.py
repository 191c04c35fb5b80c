"""One verb, one file: load, decide, record, answer."""
