"""The REST API `/v1`, by FastAPI, so that it describes itself in OpenAPI 3.1."""
