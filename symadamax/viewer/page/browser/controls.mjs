// The controls: each shows a part of the state, and hands a change of it on.

import { accept } from "./state.mjs";
import { shown } from "./numbers.mjs";

const digits = (value, count) => Number(value.toPrecision(count));

// Where a slider stands, 0 to 1000, and the number there. A decay is 1 - 10**-p.
const SLIDERS = {
  learningRate: powersOfTen(-4, 0),
  epsilon: powersOfTen(-12, 0),
  beta1: decays(3),
  beta2: decays(4),
};

function powersOfTen(low, high) {
  return {
    place: (value) => Math.max(0, (1000 * (Math.log10(value) - low)) / (high - low)),
    value: (place) => digits(10 ** (low + (place / 1000) * (high - low)), 2),
  };
}

function decays(most) {
  return {
    place: (value) => (-1000 * Math.log10(1 - value)) / most,
    // As many digits as nines, and one more.
    value: (place) => Number((1 - 10 ** ((-place / 1000) * most)).toFixed(2 + Math.floor((place / 1000) * most))),
  };
}

export class Controls {
  /**
   * @param root The page's element.
   * @param change Takes what changed: a part of the state, or with `settings` of the chosen run.
   */
  constructor(root, change) {
    this.root = root;
    this.change = change;
    this.errors = new Map();
    for (const name of Object.keys(SLIDERS)) this.#slider(name);
    for (const name of [...Object.keys(SLIDERS), "steps", "seed"]) this.#number(name);
    for (const k of [0, 1]) this.#number("start", k);
    for (const select of this.#all("select[name]")) {
      select.addEventListener("change", () => this.#choose(select.name, select.value));
    }
    for (const radio of this.#all("input[type=radio]")) {
      radio.addEventListener("change", () => this.#choose(radio.name, radio.value));
    }
    this.#one("both").addEventListener("change", ({ target }) => change({ both: target.checked }));
  }

  /** Show a state; what is being typed is left alone. */
  show(state) {
    this.state = state;
    const settings = state[state.run];
    for (const [name, { place }] of Object.entries(SLIDERS)) {
      const slider = this.#one(`${name}-slider`);
      if (document.activeElement !== slider) slider.value = place(settings[name]);
      slider.setAttribute("aria-valuetext", shown(settings[name]));
      this.#write(this.#one(name), settings[name]);
    }
    for (const name of ["steps", "seed"]) this.#write(this.#one(name), state[name]);
    state.start.forEach((value, k) => this.#write(this.#one(`start-${k}`), value));
    const chosen = { ...state, placement: settings.placement, unknown: String(state.unknown) };
    for (const select of this.#all("select[name]")) select.value = chosen[select.name];
    for (const radio of this.#all("input[type=radio]")) radio.checked = chosen[radio.name] === radio.value;
    this.#one("both").checked = state.both;
    this.#one("epsilon").disabled = this.#one("epsilon-slider").disabled = settings.placement === "none";
  }

  #one(name) {
    return this.root.querySelector(`#play-${name}`);
  }

  #all(selector) {
    return this.root.querySelectorAll(selector);
  }

  #choose(name, value) {
    if (name === "placement") this.change({ settings: { placement: value } });
    else this.change({ [name]: ["unknown", "speed"].includes(name) ? Number(value) : value });
  }

  #slider(name) {
    const slider = this.#one(`${name}-slider`);
    slider.addEventListener("input", () => {
      this.change({ settings: { [name]: SLIDERS[name].value(Number(slider.value)) } });
    });
  }

  #number(name, place) {
    const input = this.#one(place === undefined ? name : `${name}-${place}`);
    input.addEventListener("input", () => {
      const value = this.#accepted(input, name);
      if (value === undefined) return;
      if (name in SLIDERS) this.change({ settings: { [name]: value } });
      else if (name !== "start") this.change({ [name]: value });
      else this.change({ start: this.state.start.map((old, k) => (k === place ? value : old)) });
    });
    // A number that cannot be used stays to be mended; what is left is the one that counts.
    input.addEventListener("blur", () => {
      this.#accepted(input, name, true);
      this.show(this.state);
    });
  }

  /** Return the number that stands in a field, or show beside it why it cannot be used. */
  #accepted(input, name, leaving = false) {
    const error = this.#one("error");
    input.removeAttribute("aria-invalid");
    this.errors.delete(input);
    let value;
    try {
      value = accept(name, input.value.replaceAll("−", "-"));
    } catch ({ message }) {
      if (!leaving) {
        input.setAttribute("aria-invalid", "true");
        this.errors.set(input, message);
      }
    }
    error.textContent = [...this.errors.values()].join(" ");
    return value;
  }

  #write(input, value) {
    if (document.activeElement === input || this.errors.has(input)) return;
    input.value = String(value);
  }
}

