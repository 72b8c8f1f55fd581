"""The command line: generate, library, models, doctor."""
