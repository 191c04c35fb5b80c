"""What payonce promises, held by tests: one test a promise, each naming the requirement row that it proves."""
