"""The command line: generate, models, doctor."""
