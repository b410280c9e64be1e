"""`python -m eci_annotate.cli`."""

from eci_annotate.cli import main

main()
