// Numbers as text, and the places of ticks.

const SUPERSCRIPTS = [..."⁰¹²³⁴⁵⁶⁷⁸⁹"];

const trueMinus = (text) => text.replaceAll("-", "−");

/** Return a number with so many digits, a true minus, and no zeros behind its last digit. */
export function shown(value, digits = 6) {
  if (value === Infinity) return "∞";
  if (!Number.isFinite(value)) return trueMinus(String(value));
  const size = Math.abs(value);
  const scientific = size !== 0 && (size < 1e-4 || size >= 1e6);
  const [number, power] = (
    scientific ? value.toExponential(digits - 1) : value.toPrecision(digits)
  ).split("e");
  const short = number.includes(".") ? number.replace(/\.?0+$/, "") : number;
  return trueMinus(power ? `${short}e${power.replace("+", "")}` : short);
}

/** Return a number in parentheses where it is negative, to stand behind an operator. */
export const enclosed = (value, digits) =>
  value < 0 ? `(${shown(value, digits)})` : shown(value, digits);

/** Return a whole number as an exponent. */
export const raised = (power) =>
  (power < 0 ? "⁻" : "") + [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[digit]).join("");

const MOST_TICKS = 100;

/** Return about `count` ticks from low to high, one, two or five powers of ten apart. */
export function ticks(low, high, count, smallest = 0) {
  const rough = Math.max((high - low) / count, smallest);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough * 0.999);
  const size = Math.max(Math.abs(low), Math.abs(high));
  // As many as tell one from the next.
  const digits = Math.min(9, Math.floor(Math.log10(size)) - Math.floor(Math.log10(step)) + 1);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Where the span is lost in the digits of its place there are none, or too many to count.
  for (let k = 0; k <= Math.min(last - first, MOST_TICKS); k++) {
    const value = (first + k) * step;
    const plain = size < 1e6 && size >= 1e-4;
    const text = plain ? trueMinus((value || 0).toFixed(decimals)) : shown(value, digits);
    found.push({ value, text });
  }
  return found;
}

/** Return ticks at powers of ten, at most `count` of them. */
export function decades(low, high, count) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const stride = Math.max(1, Math.ceil((last - first + 1) / count));
  const found = [];
  for (let power = first; power <= last; power += stride) {
    found.push({ value: 10 ** power, text: `10${raised(power)}` });
  }
  return found;
}

// Beyond this nothing is drawn: twice as much must not be infinite.
const LARGEST = 1e300;

/** Return the extent of those among some numbers that can be drawn. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low && value > -LARGEST) low = value;
    if (value > high && value < LARGEST) high = value;
  }
  return [low, high];
}
