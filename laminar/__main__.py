"""`python -m laminar` is the command `laminar`."""

from laminar.cli.main import main

if __name__ == "__main__":
    main()
