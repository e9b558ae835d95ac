"""Formulas in text -> SymPy: what `symadamax.parse` makes of what its grammar finds.

Read downwards: `names` (what may be called), `limits` (what may be computed), `parts` (what is
known of a piece of the formula), `arithmetic` and `functions` (pieces from pieces), `builder` (one
method for each rule of the grammar).
"""
