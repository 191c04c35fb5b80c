"""PostgreSQL: the port to a transaction, the schema, and one file of named queries per noun."""
