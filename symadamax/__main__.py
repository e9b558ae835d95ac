"""``python -m symadamax`` is the command ``symadamax``."""

from symadamax.cli import main

raise SystemExit(main())
