// What Adamax carries, against the step: |g| under the ceiling u, the steps in their bound, the value.

import { Chart } from "./chart.mjs";
import { extent } from "./numbers.mjs";
import { bound } from "./update.mjs";

// The steps shown before and after the current one in the near view.
const NEAR = [40, 20];

export class Traces {
  constructor(root, { onStep }) {
    const chart = (name, up) => new Chart(root.querySelector(`#play-${name}`), { across: "step t", up });
    this.ceiling = chart("ceiling", "sizes");
    this.moves = chart("moves", "step / α");
    this.descent = chart("descent", "value");
    for (const each of this.charts) listen(each, onStep);
  }

  get charts() {
    return [this.ceiling, this.moves, this.descent];
  }

  /** Draw the runs; the first two charts show the chosen one, in one unknown. */
  draw(state, runs) {
    Object.assign(this, { state, runs });
    for (const chart of this.charts) chart.measure();
    this.#drawSpan(this.#span());
  }

  /** Move to a step: the cursor, and in the near view all that is around it. */
  moveTo(step) {
    this.state.step = step;
    if (this.state.scope === "near") this.#drawSpan(this.#span());
    for (const chart of this.charts) {
      const { top, height } = chart.inner;
      const at = chart.x(step);
      chart.moving.innerHTML = `<path class="cursor" d="M${at} ${top}v${height}"/>`;
    }
  }

  #span() {
    const { scope, step, steps } = this.state;
    if (scope === "whole") return [0, steps];
    const first = Math.max(0, Math.min(step - NEAR[0], steps - NEAR[0] - NEAR[1]));
    return [first, Math.min(steps, first + NEAR[0] + NEAR[1])];
  }

  #drawSpan(span) {
    const { run, unknown } = this.state;
    const { rows } = this.runs[run];
    // Step t uses the gradient of row t - 1 and leaves m, u and the move in row t.
    const steps = [];
    for (let t = Math.max(1, span[0]); t <= Math.min(span[1], rows.length - 1); t++) {
      const { m, u, move } = rows[t];
      steps.push({
        t,
        g: Math.abs(rows[t - 1].gradient[unknown]),
        m: m[unknown],
        u: u[unknown],
        move: move[unknown],
      });
    }
    this.#drawCeiling(span, steps);
    this.#drawMoves(span, steps);
    this.#drawDescent(span);
  }

  #drawCeiling(span, steps) {
    const log = this.state.scale === "log";
    const size = log ? Math.abs : (value) => value;
    const series = { u: ({ u }) => u, g: ({ g }) => g, m: ({ m }) => size(m) };
    const values = steps.flatMap((step) => Object.values(series).map((each) => each(step)));
    const drawable = log ? values.filter((value) => value > 0) : [0, ...values];
    this.ceiling.frame(span, spread(extent(drawable), log), { log, whole: true });
    const line = (name) => this.ceiling.path(steps.map((step) => [step.t, series[name](step)]));
    const floor = this.ceiling.inner.top + this.ceiling.inner.height;
    const base = log ? floor : this.ceiling.y(0);
    const ends = steps.length ? [steps.at(-1), steps[0]].map(({ t }) => this.ceiling.x(t)) : null;
    const area = ends ? `<path class="under" d="${line("u")}L${ends[0]} ${base}H${ends[1]}Z"/>` : "";
    const zero = log ? "" : `<path class="zero" d="M${this.ceiling.inner.left} ${base}h${this.ceiling.inner.width}"/>`;
    const lines = Object.keys(series).map((name) => `<path class="trace-${name}" d="${line(name)}"/>`);
    this.ceiling.still.innerHTML = area + zero + lines.join("");
  }

  #drawMoves(span, steps) {
    const { learningRate, beta1, beta2 } = this.state[this.state.run];
    const across = steps.map(({ t }) => t);
    const bounds = across.map((t) => [t, bound({ beta1, beta2, t })]);
    const moves = steps.map(({ t, move }) => [t, move / learningRate]);
    const [low, high] = extent(moves.map(([, move]) => move));
    // A bound that grows without end would flatten the steps.
    const reach = Math.max(1.15, 1.25 * Math.max(-low, high));
    this.moves.frame(span, [-reach, reach], { whole: true });
    const edges = [1, -1].map((sign) => this.moves.path(bounds.map(([t, most]) => [t, sign * most])));
    const middle = this.moves.y(0);
    this.moves.still.innerHTML =
      `<path class="zero" d="M${this.moves.inner.left} ${middle}h${this.moves.inner.width}"/>` +
      edges.map((edge) => `<path class="trace-bound" d="${edge}"/>`).join("") +
      `<path class="trace-move run-${this.state.run}" d="${this.moves.path(moves)}"/>`;
  }

  #drawDescent(span) {
    const shownRuns = Object.entries(this.runs).map(([name, { rows }]) => ({
      name,
      points: rows.slice(span[0], span[1] + 1).map(({ value }, k) => [span[0] + k, value]),
    }));
    const values = shownRuns.flatMap(({ points }) => points.map(([, value]) => value));
    const [low, high] = extent(values);
    const log = low > 0 && high > 100 * low;
    this.descent.frame(span, spread([low, high], log), { log, whole: true });
    this.descent.still.innerHTML = shownRuns
      .map(({ name, points }) => `<path class="trace-value run-${name}" d="${this.descent.path(points)}"/>`)
      .reverse()
      .join("");
  }
}

/** Return a span with a little room, also where there is no extent. */
function spread([low, high], log) {
  if (!(low <= high)) return log ? [0.1, 1] : [0, 1];
  if (log) return high > low * 1.5 ? [low / 1.3, high * 1.3] : [low / 2, low * 2];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** Let a pointer that is pressed on a chart choose the step. */
function listen(chart, onStep) {
  const choose = (event) => onStep(Math.round(chart.inverse(event)[0]));
  chart.svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0) chart.svg.setPointerCapture(event.pointerId);
  });
  chart.svg.addEventListener("pointermove", (event) => {
    if (chart.svg.hasPointerCapture(event.pointerId)) choose(event);
  });
  chart.svg.addEventListener("click", choose);
}
