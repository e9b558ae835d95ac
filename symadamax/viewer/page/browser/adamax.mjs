// A run of Adamax, one coordinate and one step at a time, by the equations of the book.

import { NO_BOUND, SENTENCES } from "./objectives.mjs";
import { EQUATIONS } from "./update.mjs";

export const PLACEMENTS = Object.keys(EQUATIONS);

// Steps between two looks for subnormal numbers, and what the library lifts them to.
const REST = 1024;
const SMALLEST_NORMAL = 2 ** -1022;
const AMPLE = 2 ** -970;

/** Return the numbers of a step of one coordinate by the names of the equations. */
export function update(row, k, t, { learningRate, beta1, beta2, epsilon, placement }) {
  const g = row.gradient[k];
  const [mBefore, uBefore, xBefore] = [row.m[k], row.u[k], row.x[k]];
  // One literal, in which all have their place: an object that grows made a run 12 times slower.
  const numbers = {
    learningRate, beta1, beta2, epsilon, t, g, mBefore, uBefore, xBefore,
    rate: NaN, m: NaN, u: NaN, move: NaN,
  };
  const equations = EQUATIONS[placement];
  for (const name in equations) numbers[name] = equations[name](numbers);
  return numbers;
}

/** Return the library's warning where no bound is left, or an empty text. */
export function warning({ beta1, beta2 }) {
  return beta1 < beta2 ? "" : NO_BOUND.replace("{beta1}", beta1).replace("{beta2}", beta2);
}

/**
 * Run from a start, and return its rows and how it ended.
 *
 * Row t has x, value and gradient after t steps, the m and u that belong to them, and the move that
 * led there. A run that meets something not finite ends at the last row where all was finite; one
 * that is not finite at its start has no rows.
 */
export function run(objective, start, settings, steps, seed) {
  const evaluate = evaluator(objective, seed);
  const still = start.map(() => 0);
  const first = { x: start, m: still, u: still, move: still, ...evaluate(start) };
  const rows = [first];
  let broken = examine(first);
  if (broken) return { rows: [], status: broken.status, message: refusal(objective, first, broken) };
  while (rows.length <= steps) {
    const next = advance(rows.at(-1), rows.length, settings, evaluate);
    broken = examine(next);
    if (broken) break;
    if (rows.length % REST === 0) rest(next);
    rows.push(next);
  }
  const status = broken ? broken.status : "STEPS_DONE";
  return { rows, status, message: sentence(status, rows.length - 1, objective, broken) };
}

/** Return value and gradient as a function of the point, off by the objective's noise. */
function evaluator(objective, seed) {
  const draw = generator(seed);
  return (x) => {
    const [value, slopes] = objective.evaluate(x);
    const gradient = objective.noise ? slopes.map((g) => g + objective.noise * draw()) : slopes;
    return { value, gradient };
  };
}

/**
 * Return a function that draws numbers in (-1, 1): the generator of Park and Miller, "Random number
 * generators: good ones are hard to find" (1988), with their later multiplier 48271.
 */
export function generator(seed) {
  let state = seed;
  return () => {
    state = (48271 * state) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
}

function advance(row, t, settings, evaluate) {
  const parts = row.x.map((_, k) => update(row, k, t, settings));
  const x = row.x.map((value, k) => value + parts[k].move);
  const [m, u, move] = ["m", "u", "move"].map((name) => parts.map((part) => part[name]));
  return { x, m, u, move, ...evaluate(x) };
}

/** Lift m and u out of the subnormal numbers where the gradient stays 0, as the library does. */
function rest(row) {
  row.gradient.forEach((g, k) => {
    if (g !== 0) return;
    if (Math.abs(row.m[k]) < SMALLEST_NORMAL) row.m[k] = 0;
    if (row.u[k] > 0 && row.u[k] < AMPLE) row.u[k] = AMPLE;
  });
}

/** Say what is not finite, the cause before the consequence; nothing when all is. */
function examine({ x, value, gradient }) {
  const place = (values) => values.findIndex((each) => !Number.isFinite(each));
  if (place(x) >= 0) return { status: "POINT_NOT_FINITE", at: place(x), values: x };
  if (!Number.isFinite(value)) return { status: "VALUE_NOT_FINITE", at: 0, values: [value] };
  if (place(gradient) < 0) return null;
  return { status: "GRADIENT_NOT_FINITE", at: place(gradient), values: gradient };
}

function trouble({ names }, { status, at, values }) {
  const value = { Infinity: "inf", "-Infinity": "-inf", NaN: "nan" }[values[at]];
  const verb = { POINT_NOT_FINITE: "to", GRADIENT_NOT_FINITE: "is" }[status];
  return verb ? `${names[at]} ${verb} ${value}` : value;
}

function sentence(status, nit, objective, broken) {
  return SENTENCES[status]
    .replaceAll("{nit}", nit)
    .replaceAll("{next}", nit + 1)
    .replace("{trouble}", () => trouble(objective, broken));
}

function refusal(objective, { x }, broken) {
  const point = objective.names.map((name, k) => `${name} = ${x[k]}`).join(", ");
  const what = broken.status === "VALUE_NOT_FINITE" ? "value is" : "derivative for";
  return (
    `The objective is not finite at the start, ${point}: its ${what} ` +
    `${trouble(objective, broken)}. Start where it is finite.`
  );
}
