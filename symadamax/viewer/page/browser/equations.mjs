// One step in numbers: the equations with the numbers filled in, and a table of all unknowns.

import { bound, correctedRate, inside, outside } from "./adamax.mjs";
import { enclosed, raised, shown } from "./numbers.mjs";
import { objectiveOf } from "./state.mjs";

const DIGITS = 5;

/** Fill in the step `state.step` of the chosen run, or the last that it did. */
export function fill(root, state, runs) {
  const { rows } = runs[state.run];
  const t = Math.min(state.step, rows.length - 1);
  const settings = state[state.run];
  Object.assign(root.dataset, { placement: settings.placement, unknown: state.unknown });
  root.classList.toggle("at-start", t < 1);
  const texts = { ...heading(state, rows[t], t), ...(t < 1 ? {} : filled(state, rows, t, settings)) };
  for (const each of root.querySelectorAll("[data-n]")) {
    each.textContent = texts[each.dataset.n] ?? "–";
    each.classList.toggle("wins", texts.wins === each.dataset.n);
  }
  tabulate(root, objectiveOf(state), rows, t, settings);
}

const heading = ({ run }, row, t) => ({
  t,
  run: run.toUpperCase(),
  value: row ? shown(row.value, 8) : "–",
});

function filled({ unknown }, rows, t, settings) {
  const { learningRate, beta1, beta2 } = settings;
  const [before, after] = [rows[t - 1], rows[t]];
  const pick = (row, name) => row[name][unknown];
  const [g, m, u] = [pick(before, "gradient"), pick(after, "m"), pick(after, "u")];
  const decayed = beta2 * pick(before, "u");
  const fresh = Math.abs(g) + inside(settings);
  const plus = (epsilon) => (epsilon ? ` + ${shown(epsilon, 3)}` : "");
  const number = (value) => shown(value, DIGITS);
  const divisor = outside(settings) ? `(${number(u)}${plus(outside(settings))})` : number(u);
  const rate = correctedRate(settings, t);
  return {
    g: number(g),
    averaged:
      `${shown(beta1)} · ${enclosed(pick(before, "m"), DIGITS)} + ` +
      `${shown(1 - beta1, 4)} · ${enclosed(g, DIGITS)}`,
    m: number(m),
    decayed: `${shown(beta2)} · ${number(pick(before, "u"))}`,
    fresh: `${number(Math.abs(g))}${plus(inside(settings))}`,
    wins: decayed > fresh ? "decayed" : "fresh",
    u: number(u),
    corrected: `${shown(learningRate)} / (1 − ${shown(beta1)}${raised(t)})`,
    rate: number(rate),
    moved: `${shown(pick(before, "x"), 7)} − ${number(rate)} · ${enclosed(m, DIGITS)} / ${divisor}`,
    x: shown(pick(after, "x"), 7),
  };
}

function tabulate(root, { names }, rows, t, settings) {
  const most = t < 1 ? null : settings.learningRate * bound(t, settings);
  const columns = names.map((_, k) =>
    t < 1
      ? { before: null, x: rows[0]?.x[k] }
      : {
          before: rows[t - 1].x[k],
          g: rows[t - 1].gradient[k],
          m: rows[t].m[k],
          u: rows[t].u[k],
          move: rows[t].move[k],
          bound: most,
          x: rows[t].x[k],
        },
  );
  for (const cell of root.querySelectorAll("td[data-cell]")) {
    const column = columns[cell.dataset.k];
    const value = column?.[cell.dataset.cell];
    cell.textContent = value === undefined || value === null ? "–" : shown(value, 8);
  }
  root.classList.toggle("one-unknown", names.length === 1);
}
