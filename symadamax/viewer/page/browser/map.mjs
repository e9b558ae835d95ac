// The map: the objective as contours, or as a curve, with the paths of the runs over it.

import { Chart } from "./chart.mjs";
import { blend, paint, rgb, sample, scale } from "./contours.mjs";
import { extent, shown } from "./numbers.mjs";
import { objectiveOf } from "./state.mjs";

const [LEAST_PIXELS, MOST_PIXELS] = [64, 1100]; // a side
const PATIENCE = 500; // milliseconds for all pixels
const STAR = "M0-8 1.9-2.6 7.6-2.5 3.1 1 4.7 6.5 0 3.2-4.7 6.5-3.1 1-7.6-2.5-1.9-2.6Z";
const MARKERS = { a: '<circle r="6"/>', b: '<path d="M0-7.5 7.5 0 0 7.5-7.5 0Z"/>' };

export class Landscape {
  constructor(figure, { onStart }) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
    this.bar = figure.querySelector(".play-bar-of-heights");
    this.charts = [1, 2].map((unknowns) => this.#chart(unknowns));
    this.#listen(onStart);
  }

  #chart(unknowns) {
    const svg = this.figure.querySelector(`svg[data-unknowns="${unknowns}"]`);
    return new Chart(svg, {});
  }

  /** Draw what does not move: the objective, the whole paths faintly, the start and the minima. */
  draw(state, runs) {
    const objective = objectiveOf(state);
    const curved = objective.names.length === 1;
    this.charts.forEach(({ svg, moving }, k) => {
      for (const each of [svg, moving]) each.toggleAttribute("hidden", k !== Number(!curved));
    });
    this.canvas.hidden = this.bar.hidden = curved;
    this.chart = this.charts[Number(!curved)];
    const [across, up = `f(${across})`] = objective.names;
    this.chart.labels = { across, up };
    this.chart.measure();
    this.place = curved
      ? (row) => [row.x[0], row.value]
      : (row) => row.x;
    const curve = curved ? this.#frameCurve(objective, state, runs) : this.#frameContours(objective, state);
    this.paths = Object.entries(runs).map(([name, { rows }]) => ({ name, points: rows.map(this.place) }));
    const whole = this.paths.map(({ name, points }) => this.#line(name, points, "ahead")).join("");
    this.chart.still.innerHTML = curve + whole + this.#minima(objective) + this.#start(objective, state);
    if (!curved) this.#paint(objective, state.view);
  }

  /** Move the points to a step. */
  moveTo(step) {
    this.chart.moving.innerHTML = this.paths
      .filter(({ points }) => points.length)
      .map(({ name, points }) => {
        const done = points.slice(0, Math.min(step + 1, points.length));
        return this.#line(name, done, "done") + this.#marker(name, done.at(-1));
      })
      .reverse()
      .join("");
  }

  #line(name, points, kind) {
    const data = this.chart.path(points);
    const clip = `clip-path="url(#${this.chart.svg.id}-frame)"`;
    return `<g ${clip} class="${kind}"><path class="rim" d="${data}"/><path class="run-${name}" d="${data}"/></g>`;
  }

  #marker(name, [across, up]) {
    const { left, top, width, height } = this.chart.inner;
    const [x, y] = [this.chart.x(across), this.chart.y(up)];
    const [shownX, shownY] = [
      Math.min(left + width, Math.max(left, x)),
      Math.min(top + height, Math.max(top, y)),
    ];
    const outside = x !== shownX || y !== shownY ? " outside" : "";
    return `<g class="marker run-${name}${outside}" transform="translate(${shownX} ${shownY})">${MARKERS[name]}</g>`;
  }

  #start(objective, { start }) {
    const [across, up] = this.place({ x: start, value: objective.value(start) });
    return `<circle class="start" r="6" cx="${this.chart.x(across)}" cy="${this.chart.y(up)}"/>`;
  }

  #minima(objective) {
    return objective.minima
      .map((x) => this.place({ x, value: objective.value(x) }))
      .map(([across, up]) => `translate(${this.chart.x(across)} ${this.chart.y(up)})`)
      .map((transform) => `<path class="minimum" d="${STAR}" transform="${transform}"/>`)
      .join("");
  }

  /** Frame the values of the paths, with the curve for 1.5 times their extent on either side. */
  #frameCurve(objective, { view: [middle, radius] }, runs) {
    const across = Array.from({ length: 801 }, (_, k) => middle + radius * (k / 400 - 1));
    const points = across.map((x) => [x, objective.value([x])]);
    const inside = Object.values(runs)
      .flatMap(({ rows }) => rows)
      .filter(({ x }) => Math.abs(x[0] - middle) <= radius);
    const whole = extent(points.map(([, value]) => value));
    const [low, high] = inside.length ? extent(inside.map(({ value }) => value)) : whole;
    const room = 1.5 * (high - low) || whole[1] - whole[0] || 1;
    const [floor, top] = [Math.max(whole[0], low - room), Math.min(whole[1], high + room)];
    this.chart.frame([middle - radius, middle + radius], [floor - 0.06 * room, top + 0.06 * room]);
    return `<path class="curve" d="${this.chart.path(points)}"/>`;
  }

  #frameContours({ aspect }, { view: [across, up, radius] }) {
    const upwards = radius * aspect;
    this.chart.frame([across - radius, across + radius], [up - upwards, up + upwards]);
    return "";
  }

  #paint(objective, view) {
    const { left, top, width, height } = this.chart.inner;
    Object.assign(this.canvas.style, {
      left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
    });
    const dots = Math.min(2, window.devicePixelRatio || 1);
    if (this.measured?.objective !== objective) this.measured = { objective, most: affordable(objective) };
    const side = Math.min(MOST_PIXELS, Math.round(width * dots), this.measured.most);
    const key = [objective.name, view, side].join();
    if (key === this.sampled?.key) return;
    const values = sample(objective, view, side);
    this.sampled = { key, values, scale: scale(values) };
    this.repaint();
  }

  /** Paint again in the colours of the theme. */
  repaint() {
    if (!this.sampled) return;
    const style = getComputedStyle(this.figure);
    const colour = (name) => style.getPropertyValue(`--play-${name}`);
    const ramp = [0, 1, 2, 3].map((k) => rgb(colour(`depth-${k}`)));
    const width = Math.max(1, (0.6 * this.sampled.values.side) / this.chart.inner.width);
    const line = { colour: rgb(colour("contour")), alpha: 0.55, width };
    const { values, scale: levels } = this.sampled;
    paint(this.canvas, values, levels, { ramp, line });
    this.#drawBar(values.low, levels.levels, ramp);
  }

  #drawBar(low, levels, ramp) {
    const bands = levels.length - 1;
    const stops = levels.slice(1).map((_, k) => {
      const colour = blend(ramp, k / (bands - 1)).map(Math.round).join(" ");
      return `rgb(${colour}) ${(100 * k) / bands}% ${(100 * (k + 1)) / bands}%`;
    });
    this.bar.querySelector("i").style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
    const labels = [0, 5, 10, 15].map((k) => `<b>${shown(low + levels[k], 3)}</b>`);
    this.bar.querySelector("span").innerHTML = labels.join("");
  }

  #listen(onStart) {
    const choose = (event) => {
      if (event.target.closest("svg") !== this.chart.svg) return;
      const [across, up] = this.chart.inverse(event);
      const { left, right, low, high } = this.chart.spans;
      if (across < left || across > right || up < low || up > high) return;
      const { width, height } = this.chart.inner;
      onStart([rounded(across, (right - left) / width), rounded(up, (high - low) / height)]);
    };
    this.figure.addEventListener("click", choose);
    this.figure.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && event.buttons === 1) choose(event);
    });
  }
}

/** Return how many pixels a side of a map can have to be there at once. */
function affordable(objective) {
  const [begun, tries] = [performance.now(), 2000];
  for (let k = 0; k < tries; k++) objective.value(objective.centre);
  const cost = (performance.now() - begun) / tries;
  return Math.round(Math.max(LEAST_PIXELS, Math.sqrt(PATIENCE / cost)));
}

/** Round to the power of ten that is just below a pixel. */
export function rounded(value, pixel) {
  const decimals = Math.min(15, Math.max(0, -Math.floor(Math.log10(pixel))));
  return Number(value.toFixed(decimals));
}
