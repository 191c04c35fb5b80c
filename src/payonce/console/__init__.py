"""The pages for operators: parse, call one use case, render; it decides nothing."""
