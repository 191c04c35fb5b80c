"""What others write for the same purpose. Each runs in the benchmark's environment and imports nothing of ours."""
