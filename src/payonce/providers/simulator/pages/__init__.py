"""What the payers' pages of all simulators are made of: one look, no scripts, every text escaped in one place."""
