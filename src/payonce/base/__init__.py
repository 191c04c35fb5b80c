"""Words that every floor uses: money, ids, time, chance and the families of errors. Standard library only, no I/O."""
