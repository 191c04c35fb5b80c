"""The command line: parse, call one use case, render; it decides nothing."""
