"""The promises against an engine: what `payonce conformance DSN` tries before an operator trusts a database.

It works in a database of its own and never touches another. It says what it saw, and mends nothing. Not to be mixed up
with `payonce.testing.conformance`, which holds adapters of providers against the contract.
"""
