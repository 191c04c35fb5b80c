"""What payonce asks of a payment provider, and one folder for each that answers."""
