// What the page shows, as one object, and as the text behind the # of a link.

import { PLACEMENTS } from "./adamax.mjs";
import { OBJECTIVES } from "./objectives.mjs";

export const MOST_STEPS = 5000;
export const SPEEDS = [5, 20, 60, 240];

const within = (low, high) => (value) => value >= low && value <= high;
const isWhole = (low, high) => (value) => Number.isInteger(value) && within(low, high)(value);

// What is accepted, in the words of the library: name, the sentence's end, the test.
export const ACCEPTED = {
  learningRate: ["learning_rate", "a finite number > 0", (value) => value > 0],
  beta1: ["beta1", "a number in [0, 1)", (value) => value >= 0 && value < 1],
  beta2: ["beta2", "a number in [0, 1)", (value) => value >= 0 && value < 1],
  epsilon: ["epsilon", "a finite number >= 0", (value) => value >= 0],
  start: ["start", "a finite number for each unknown", () => true],
  steps: ["steps", `a whole number from 1 to ${MOST_STEPS}`, isWhole(1, MOST_STEPS)],
  seed: ["seed", "a whole number from 1 to 2147483646", isWhole(1, 2147483646)],
  step: ["step", `a whole number from 0 to ${MOST_STEPS}`, isWhole(0, MOST_STEPS)],
  view: ["view", "the middle of the map, and a radius > 0", () => true],
};

/** Return a number that was typed, or throw the sentence that says what is accepted. */
export function accept(name, text) {
  const [shown, accepted, holds] = ACCEPTED[name];
  const value = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(value) && holds(value)) return value;
  throw new RangeError(`${shown} is ${text.trim() || "empty"}; accepted is ${accepted}.`);
}

/** Return what the page shows of an objective at first. */
export function initial(objective) {
  const { settings } = objective;
  return {
    objective: objective.name,
    start: [...objective.start],
    steps: objective.steps,
    seed: 7,
    step: Math.min(objective.step, objective.steps),
    view: [...objective.centre, objective.radius],
    a: { ...settings },
    b: { ...settings, beta2: settings.beta2 === 0.95 ? 0.999 : 0.95 },
    run: "a",
    both: false,
    unknown: 0,
    scope: "whole",
    scale: "linear",
    speed: 60,
  };
}

/** Tell whether run A has the start, the settings and the steps that the objective came with. */
export function isFirst(state, objective) {
  const whole = ({ start, steps, a }) => JSON.stringify([start, steps, a]);
  return whole(state) === whole(initial(objective));
}

export const objectiveOf = (state) => OBJECTIVES.find(({ name }) => name === state.objective);

const SETTINGS = ["learningRate", "beta1", "beta2", "epsilon", "placement"];

const CHOICES = {
  run: ["a", "b"],
  scope: ["whole", "near"],
  scale: ["linear", "log"],
};

/** Return the text behind the # of a link to this state. */
export function write(state) {
  const settings = (run) => SETTINGS.map((name) => state[run][name]).join(",");
  const { objective, start, steps, seed, step, view, unknown, speed } = state;
  const parts = { f: objective, start, steps, seed, step, view, a: settings("a"), b: settings("b") };
  for (const name of Object.keys(CHOICES)) parts[name] = state[name];
  Object.assign(parts, { both: Number(state.both), unknown, speed });
  return Object.entries(parts).map(([key, value]) => `${key}=${value}`).join("&");
}

/** Return the state that a link tells, and a sentence for each part that cannot be used. */
export function read(text) {
  const parts = new Map(
    text.replace(/^#/, "").split("&").map((part) => decoded(part).split(/=(.*)/s, 2)),
  );
  const named = OBJECTIVES.find(({ name }) => name === parts.get("f"));
  const state = initial(named ?? OBJECTIVES[0]);
  const refused = named ? [] : [`There is no objective ${parts.get("f") ?? "in the link"}.`];
  for (const [key, value] of named ? parts : []) {
    try {
      if (key !== "f") Object.assign(state, taken(key, value ?? "", state));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused.push(error.message);
    }
  }
  state.step = Math.min(state.step, state.steps);
  return { state, refused };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function taken(key, text, state) {
  if (key === "start") return { start: list("start", text, state.start.length) };
  if (key === "view") {
    const view = list("view", text, state.view.length);
    if (view.at(-1) > 0) return { view };
    throw new RangeError(`view is ${text}; accepted is ${ACCEPTED.view[1]}.`);
  }
  if (["steps", "seed", "step"].includes(key)) return { [key]: accept(key, text) };
  if (key === "a" || key === "b") return { [key]: settingsFrom(text) };
  const offered = {
    ...CHOICES,
    both: ["0", "1"],
    unknown: state.start.map((_, k) => String(k)),
    speed: SPEEDS.map(String),
  };
  if (!Object.hasOwn(offered, key)) throw new RangeError(`A link has no ${key}.`);
  const choice = chosen(key, text, offered[key]);
  return { [key]: key in CHOICES ? choice : key === "both" ? choice === "1" : Number(choice) };
}

function list(name, text, length) {
  const values = text.split(",").map((part) => accept(name, part));
  if (values.length === length) return values;
  throw new RangeError(`${name} is ${text}; accepted are ${length} numbers.`);
}

function settingsFrom(text) {
  const [learningRate, beta1, beta2, epsilon, placement] = text.split(",");
  const numbers = Object.entries({ learningRate, beta1, beta2, epsilon });
  const settings = Object.fromEntries(numbers.map(([key, part]) => [key, accept(key, part ?? "")]));
  return { ...settings, placement: chosen("epsilon_placement", placement ?? "", PLACEMENTS) };
}

function chosen(name, text, offered) {
  if (offered.includes(text)) return text;
  throw new RangeError(`${name} is ${text || "empty"}; accepted are ${offered.join(", ")}.`);
}
