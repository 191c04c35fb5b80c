"""The HTTP interface: parse, call one use case, render; it decides nothing."""
