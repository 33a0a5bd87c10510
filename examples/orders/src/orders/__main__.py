"""``python -m orders`` is ``orders``."""

from .cli import main

main()
