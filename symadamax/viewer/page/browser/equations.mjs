// One step in numbers: the equations with the numbers filled in, and a table of all unknowns.

import { update } from "./adamax.mjs";
import { enclosed, shown } from "./numbers.mjs";
import { objectiveOf } from "./state.mjs";
import { MEMBERS, bound } from "./update.mjs";

const DIGITS = { g: 5, m: 5, mBefore: 5, u: 5, uBefore: 5, rate: 5, x: 7, xBefore: 7, value: 8 };

/** Fill in the step `state.step` of the chosen run, or the last that it did. */
export function fill(root, state, runs) {
  const { rows } = runs[state.run];
  const t = Math.min(state.step, rows.length - 1);
  const settings = state[state.run];
  Object.assign(root.dataset, { placement: settings.placement, unknown: state.unknown });
  root.classList.toggle("at-start", t < 1);
  root.querySelector("[data-run-name]").textContent = state.run.toUpperCase();
  const numbers = { t, value: rows[t]?.value, ...(t < 1 ? {} : filled(state, rows, t, settings)) };
  for (const each of root.querySelectorAll("[data-n]")) each.textContent = text(numbers, each.dataset);
  if (t > 0) mark(root, numbers, settings);
  tabulate(root, objectiveOf(state), rows, t, settings);
}

/** Return the numbers of a step by the names of the equations: what the run has done with them. */
function filled({ unknown }, rows, t, settings) {
  const { m, u, move, x } = rows[t];
  const after = Object.entries({ m, u, move, x }).map(([name, values]) => [name, values[unknown]]);
  return { ...update(rows[t - 1], unknown, t, settings), ...Object.fromEntries(after) };
}

function text(numbers, { n, behind }) {
  const value = numbers[n];
  if (value === undefined) return "–";
  return behind === undefined ? shown(value, DIGITS[n]) : enclosed(value, DIGITS[n]);
}

/** Mark the largest member of the maximum; of two that are equal, the last. */
function mark(root, numbers, { placement }) {
  const values = MEMBERS[placement].map((member) => member(numbers));
  const largest = values.lastIndexOf(Math.max(...values));
  for (const each of root.querySelectorAll(".play-filled")) {
    each.querySelectorAll("[data-member]").forEach((member, k) => {
      member.classList.toggle("wins", k === largest);
    });
  }
}

function tabulate(root, { names }, rows, t, { learningRate, beta1, beta2 }) {
  const most = t < 1 ? null : learningRate * bound({ beta1, beta2, t });
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
