// The page: a state, the runs that follow from it, and what shows them.

import { run, warning } from "./adamax.mjs";
import { program } from "./code.mjs";
import { Controls } from "./controls.mjs";
import { fill } from "./equations.mjs";
import { Landscape } from "./map.mjs";
import { shown } from "./numbers.mjs";
import { OBJECTIVES } from "./objectives.mjs";
import { Player } from "./player.mjs";
import { initial, isFirst, objectiveOf, read, write } from "./state.mjs";
import { Traces } from "./traces.mjs";

const CALM = 600; // milliseconds without a change before it is read out
const SAME = 1e-6; // of the map's radius: what counts as the same point

class Page {
  constructor(root) {
    this.root = root;
    this.landscape = new Landscape(this.one("map"), { onStart: (start) => this.startAt(start) });
    this.traces = new Traces(root, { onStep: (step) => this.goTo(step) });
    this.controls = new Controls(root, (part) => this.change(part));
    this.player = new Player((steps) => this.advance(steps));
    this.listen();
    this.load(location.hash.includes("=") ? location.hash : `#f=${OBJECTIVES[0].name}`);
    new ResizeObserver(() => this.draw()).observe(this.one("map"));
  }

  one(name) {
    return this.root.querySelector(`#play-${name}`);
  }

  /** Write a text, but not the same again, which would be read out again. */
  put(name, text) {
    const element = this.one(name);
    if (element.textContent !== text) element.textContent = text;
  }

  listen() {
    const buttons = {
      play: () => this.toggle(),
      first: () => this.goTo(0),
      back: () => this.goTo(this.state.step - 1),
      forward: () => this.goTo(this.state.step + 1),
      last: () => this.goTo(this.state.steps),
      "zoom-in": () => this.zoom(0.5),
      "zoom-out": () => this.zoom(2),
      whole: () => this.zoom(),
      reset: () => this.change({ objective: this.state.objective }),
      "copy-link": ({ target }) => this.copyLink(target),
      "copy-code": ({ target }) => this.copy(target, this.one("code").textContent, "code"),
    };
    for (const [name, action] of Object.entries(buttons)) this.one(name).addEventListener("click", action);
    this.one("step").addEventListener("input", ({ target }) => this.goTo(Number(target.value)));
    this.one("map").addEventListener("keydown", (event) => this.nudge(event));
    document.addEventListener("keydown", (event) => this.space(event));
    window.addEventListener("hashchange", () => this.follow(location.hash));
    document.addEventListener("click", ({ target }) => {
      const link = target.closest('a[href^="#f="]');
      if (link?.hash === location.hash) this.follow(link.hash); // which changes no hash
    });
    const repaint = () => this.landscape.repaint();
    new MutationObserver(repaint).observe(document.body, { attributeFilter: ["data-theme"] });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  }

  load(hash) {
    const { state, refused } = read(hash);
    this.state = state;
    this.put("refused", refused.length ? `The link was read in part. ${refused.join(" ")}` : "");
    this.compute();
  }

  /** Show what a link on this page says, and bring it into sight. */
  follow(hash) {
    if (!hash.includes("=")) return;
    this.toggle(false);
    this.load(hash);
    this.root.scrollIntoView({ behavior: "instant" });
    this.one("map").focus({ preventScroll: true });
  }

  /** Take a changed part of the state; another objective brings its own start and steps. */
  change(part) {
    if ("objective" in part) {
      const fresh = initial(OBJECTIVES.find(({ name }) => name === part.objective));
      const { run: name, both, scope, scale, speed } = this.state;
      Object.assign(this.state, fresh, { run: name, both, scope, scale, speed });
    } else if (part.settings) {
      Object.assign(this.state[this.state.run], part.settings);
    } else {
      Object.assign(this.state, part);
    }
    this.state.step = Math.min(this.state.step, this.state.steps);
    this.compute();
  }

  startAt(point) {
    this.change({ start: point.slice(0, this.state.start.length) });
  }

  compute() {
    const { state } = this;
    const objective = objectiveOf(state);
    const names = state.both ? ["a", "b"].sort((one) => (one === state.run ? -1 : 1)) : [state.run];
    this.runs = Object.fromEntries(
      names.map((name) => [name, run(objective, state.start, state[name], state.steps, state.seed)]),
    );
    this.player.speed = state.speed;
    this.controls.show(state);
    this.describe(objective);
    this.draw();
  }

  /** Say where the library ended, when this is its run and has ended elsewhere. */
  elsewhere(objective) {
    const { names, ended } = objective;
    const run = this.runs.a;
    if (!ended || !run?.rows.length || !isFirst(this.state, objective)) return "";
    const reached = run.rows.at(-1).x;
    if (reached.every((value, k) => Math.abs(value - ended[k]) <= SAME * objective.radius)) return "";
    const point = names.map((name, k) => `${name} = ${shown(ended[k])}`).join(", ");
    return (
      `In the library this run ends at ${point}: functions such as exp and cos differ in the last ` +
      "place from those of this browser, and the run makes that grow."
    );
  }

  describe(objective) {
    const { state, root } = this;
    const { names, noise, remark } = objective;
    root.dataset.objective = state.objective;
    root.classList.toggle("one-unknown", names.length === 1);
    root.classList.toggle("exact", !noise);
    root.classList.toggle("both", state.both);
    root.dataset.run = state.run;
    for (const formula of root.querySelectorAll("[data-formula]")) {
      formula.hidden = formula.dataset.formula !== state.objective;
    }
    this.put("remark", remark);
    this.one("step").max = state.steps;
    this.put("code", program(state));
    this.put("message", [...this.told(({ message }) => message), this.elsewhere(objective)].join(" ").trim());
    this.one("message").classList.toggle("broken", this.isBroken());
    this.put("warning", warning(state[state.run]));
  }

  isBroken() {
    return Object.values(this.runs).some(({ status }) => status !== "STEPS_DONE");
  }

  draw() {
    this.landscape.draw(this.state, this.runs);
    this.traces.draw(this.state, this.runs);
    this.show();
  }

  /** Show the current step: all that moves. */
  show() {
    const { state, runs } = this;
    this.landscape.moveTo(state.step);
    this.traces.moveTo(state.step);
    fill(this.root, state, runs);
    const slider = this.one("step");
    slider.value = state.step;
    slider.setAttribute("aria-valuetext", `step ${state.step} of ${state.steps}`);
    this.put("count", `${state.step} / ${state.steps}`);
    clearTimeout(this.timer);
    if (!this.player.playing) this.timer = setTimeout(() => this.readOut(), CALM);
  }

  /** Return a text on each run, by their letters where there are two. */
  told(text) {
    const names = Object.keys(this.runs).sort();
    return names.map((name) => (names[1] ? `${name.toUpperCase()}: ` : "") + text(this.runs[name]));
  }

  /** Tell those who listen where the point is, once it rests. */
  readOut() {
    const { names } = objectiveOf(this.state);
    const texts = this.told(({ rows }) => {
      const row = rows[Math.min(this.state.step, rows.length - 1)];
      if (!row) return "no step.";
      const point = names.map((name, k) => `${name} = ${shown(row.x[k])}`).join(", ");
      return `${point}, value ${shown(row.value)}.`;
    });
    this.put("spoken", `Step ${this.state.step}. ${texts.join(" ")}`);
  }

  goTo(step) {
    this.state.step = Math.max(0, Math.min(this.state.steps, step));
    this.show();
  }

  advance(steps) {
    const last = Math.max(...Object.values(this.runs).map(({ rows }) => rows.length - 1));
    const next = this.state.step + steps;
    if (next >= last) this.toggle(false);
    this.goTo(Math.min(next, Math.max(last, 0)));
  }

  toggle(playing = !this.player.playing) {
    if (playing && this.state.step >= this.state.steps) this.goTo(0);
    playing ? this.player.play() : this.player.pause();
    this.root.classList.toggle("playing", playing);
    this.one("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    if (!playing) this.show();
  }

  /** Space plays, unless it is pressed on something that has a use for it. */
  space(event) {
    const { key, target, ctrlKey, altKey, metaKey, shiftKey } = event;
    if (key !== " " || ctrlKey || altKey || metaKey || shiftKey) return;
    const ours = target === document.body || this.root.contains(target);
    if (!ours || target.closest("button, select, summary, a, textarea, input:not([type=range])")) return;
    event.preventDefault();
    this.toggle();
  }

  /** Arrows on the map move the start by a hundredth of the window, with Shift by a tenth. */
  nudge(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const arrow = event.target === this.one("map") && arrows[event.key];
    if (!arrow) return;
    event.preventDefault();
    const length = ((event.shiftKey ? 10 : 1) * this.state.view.at(-1)) / 50;
    const lengths = [length, length * objectiveOf(this.state).aspect];
    const moved = this.state.start.map((value, k) => value + arrow[k] * lengths[k]);
    this.startAt(moved.map((value) => Number(value.toPrecision(12))));
  }

  /** Show a window so many times as wide around the current point, or the whole again. */
  zoom(times) {
    const objective = objectiveOf(this.state);
    const { rows } = this.runs[this.state.run];
    const row = rows[Math.min(this.state.step, rows.length - 1)];
    const { view } = this.state;
    const radius = objective.radius * Math.min(1e6, Math.max(1e-9, (view.at(-1) / objective.radius) * times));
    const middle = times < 1 && row ? row.x.map((value) => Number(value.toPrecision(12))) : view.slice(0, -1);
    this.change({ view: times ? [...middle, radius] : [...objective.centre, objective.radius] });
  }

  copyLink(button) {
    history.replaceState(null, "", `#${write(this.state)}`);
    this.copy(button, location.href, "link");
  }

  async copy(button, text, what) {
    const label = `Copy ${what}`;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = what === "link" ? "See the address" : "Select it below";
    }
    setTimeout(() => (button.textContent = label), 1500);
  }
}

new Page(document.getElementById("play"));
