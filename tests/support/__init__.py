"""What tests of several floors need: databases, clocks, a line to the server that can break."""
