"""`python -m omi2_hub` is `omi2-hub`."""

from omi2_hub.cli import main

if __name__ == "__main__":
    main()
