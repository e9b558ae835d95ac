// Powers as the library's machine computes them. Math.pow is off by a unit in the last place for one
// power in ten, and a run that swings makes a unit grow without end.

const SPLIT = 2 ** 27 + 1;

/** Return base**exponent for a whole exponent >= 1, correctly rounded but for rarest ties. */
export function power(base, exponent) {
  let result = { high: 1, low: 0 };
  let square = { high: base, low: 0 };
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2) result = product(result, square);
    square = product(square, square);
  }
  return result.high;
}

/** Return the product of two numbers, each the sum of a high part and a low one (Dekker, 1971). */
function product(a, b) {
  const high = a.high * b.high;
  const [a1, a2] = halves(a.high);
  const [b1, b2] = halves(b.high);
  const rounding = a1 * b1 - high + a1 * b2 + a2 * b1 + a2 * b2;
  const low = rounding + a.high * b.low + a.low * b.high;
  return { high: high + low, low: low - (high + low - high) };
}

/** Split a number into two of 26 bits. */
function halves(value) {
  const scaled = SPLIT * value;
  const high = scaled - (scaled - value);
  return [high, value - high];
}
