"""`python -m whygrad`: see _cli.py."""

import sys

from whygrad._cli import main

sys.exit(main())
