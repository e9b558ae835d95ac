// NumPy's functions where JavaScript has none that means the same.

export const numpy = {
  and: (a, b) => a && b,
  or: (a, b) => a || b,
  not: (a) => !a,
  where: (condition, a, b) => (condition ? a : b),

  /** 0 has the sign 0, and not -0. */
  sign: (a) => Math.sign(a) + 0,

  exp2: (a) => 2 ** a,

  /** As in C: 1 to any power is 1, and so is -1 to an infinite one. */
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),

  /** The remainder with the sign of the divisor. */
  mod(a, b) {
    const rest = a % b;
    if (rest === 0) return b < 0 ? -0 : 0;
    return rest < 0 === b < 0 ? rest : rest + b;
  },

  /** The largest, NaN if any is; a tie keeps the first, as zeros differ in sign. */
  max: (first, ...others) => others.reduce((a, b) => (a >= b || a !== a ? a : b), first),
  min: (first, ...others) => others.reduce((a, b) => (a <= b || a !== a ? a : b), first),
};
