"""What touches the outside for the core: connections, clocks, chance, HTTP, the embedded server. Chosen in `app`."""
