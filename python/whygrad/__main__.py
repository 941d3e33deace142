"""`python -m whygrad`: see _cli.py."""

from whygrad._cli import main

main()
