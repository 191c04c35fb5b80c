"""Large comparisons off the primary: the same answer as in the database, by plain SQL over files."""
