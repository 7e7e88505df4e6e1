"""The command `laminar`: one module for each subcommand, imported when it is typed."""
