"""The commands of ``symadamax``: what their words are, and what each does with them.

`words` says which options a command takes, and `asked` what they ask for, as objects of the
library. Each command has a module with a function ``run``; `printed` writes what comes out.
"""
