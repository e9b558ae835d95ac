// A chart in an SVG element: scales, axes with numbers, lines. Its colours stand in play.css.

import { decades, ticks } from "./numbers.mjs";

// Around the frame, in pixels; across as much as up, so that a square element has a square frame.
const ROOM = { left: 52, right: 8, top: 20, bottom: 40 };
// Points farther outside of the frame are drawn here: SVG has 32-bit coordinates.
const FARTHEST = 1e5;

export class Chart {
  /**
   * @param svg The element for what stays. The one behind it is for what moves, and is painted by
   *   itself: a frame need not paint the long paths again.
   */
  constructor(svg, { across, up }) {
    this.svg = svg;
    this.moving = svg.nextElementSibling;
    this.labels = { across, up };
    const clip = `${svg.id}-frame`;
    svg.innerHTML =
      `<defs><clipPath id="${clip}"><rect/></clipPath></defs><g class="axes"></g>` +
      `<g class="still" clip-path="url(#${clip})"></g>`;
    [this.axes, this.still] = svg.querySelectorAll("g");
    this.clip = svg.querySelector("rect");
  }

  /** Take the size of the element on the page. */
  measure() {
    const { width, height } = this.svg.getBoundingClientRect();
    for (const each of [this.svg, this.moving]) each.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const inner = {
      left: ROOM.left,
      top: ROOM.top,
      width: Math.max(1, width - ROOM.left - ROOM.right),
      height: Math.max(1, height - ROOM.top - ROOM.bottom),
    };
    this.inner = inner;
    const places = { x: inner.left, y: inner.top, width: inner.width, height: inner.height };
    for (const [name, value] of Object.entries(places)) this.clip.setAttribute(name, value);
  }

  /** Set what the frame spans, and draw the axes: whole numbers across, powers of ten up. */
  frame([left, right], [low, high], { whole = false, log = false } = {}) {
    this.spans = { left, right, low, high, log };
    const { left: x0, top, width, height } = this.inner;
    const columns = ticks(left, right, width / 75, Number(whole))
      .map(({ value, text }) => ({ at: this.x(value), text }));
    const powers = log ? decades(low, high, height / 24) : [];
    const marks = powers.length > 1 ? powers : ticks(low, high, height / 30);
    const rows = marks
      .filter(({ value }) => value > 0 || !log)
      .map(({ value, text }) => ({ at: this.y(value), text }));
    this.axes.innerHTML =
      columns.map(({ at, text }) =>
        `<path class="grid" d="M${at} ${top}v${height}"/>` +
        `<text x="${at}" y="${top + height + 15}" text-anchor="middle">${text}</text>`).join("") +
      rows.map(({ at, text }) =>
        `<path class="grid" d="M${x0} ${at}h${width}"/>` +
        `<text x="${x0 - 7}" y="${at + 3.5}" text-anchor="end">${text}</text>`).join("") +
      `<path class="edge" d="M${x0} ${top}v${height}h${width}"/>` +
      `<text class="label" x="${x0 + width / 2}" y="${top + height + 33}" text-anchor="middle"></text>` +
      `<text class="label" x="0" y="11"></text>`;
    const labels = this.axes.querySelectorAll(".label");
    // As text and never as markup: the names of unknowns are anything.
    [labels[0].textContent, labels[1].textContent] = [this.labels.across, this.labels.up];
  }

  x(value) {
    const { left, right } = this.spans;
    return near(this.inner.left + (this.inner.width * (value - left)) / (right - left));
  }

  y(value) {
    const { low, high, log } = this.spans;
    const part = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return near(this.inner.top + this.inner.height * (1 - part));
  }

  /** Return the values at a place of the page, as [across, up]. */
  inverse({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    const { left, right, low, high } = this.spans;
    const across = (clientX - box.left - this.inner.left) / this.inner.width;
    const up = 1 - (clientY - box.top - this.inner.top) / this.inner.height;
    return [left + across * (right - left), low + up * (high - low)];
  }

  /** Return the data of a path through points [across, up]; it is broken where one is not finite. */
  path(points) {
    let [data, move, last] = ["", "M", ""];
    for (const [across, up] of points) {
      const [x, y] = [this.x(across), this.y(up)];
      if (Number.isNaN(x + y)) {
        move = "M";
        continue;
      }
      const place = `${x} ${y}`;
      if (move === "M" || place !== last) data += move + place;
      [move, last] = ["L", place];
    }
    return data;
  }
}

/** Round to a tenth of a pixel, within what can be drawn. */
const near = (pixels) => Math.round(10 * Math.min(FARTHEST, Math.max(-FARTHEST, pixels))) / 10;
