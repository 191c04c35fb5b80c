"""The rules of the house, read from its own files: sizes, words, locks, imports, and which test proves which row."""
