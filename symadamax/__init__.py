"""symadamax: write an objective as mathematics, have it minimised by compiled Adamax."""
