// The objective as bands of colour between contours, one evaluation for each pixel.

import { extent } from "./numbers.mjs";

const BANDS = 15;

/** Return the values on the pixels of a square, row by row from the top, and how far they reach. */
export function sample(objective, [across, up, radius], side) {
  const values = new Float64Array(side * side);
  const step = (2 * radius) / side;
  const { aspect = 1, floor = null } = objective;
  const point = [0, 0];
  for (let row = 0; row < side; row++) {
    point[1] = up + (radius - (row + 0.5) * step) * aspect;
    for (let column = 0; column < side; column++) {
      point[0] = across - radius + (column + 0.5) * step;
      const value = objective.value(point);
      // A pole that goes down without end leaves the contours above.
      values[row * side + column] = floor !== null && value < floor ? floor : value;
    }
  }
  const [low, high] = extent(values);
  return { side, values, low, high };
}

/**
 * Return the levels of the contours above the lowest value, and the band of a height as a number:
 * k + 1/2 is between level k and the next.
 *
 * They are squares of even steps, so that a quadratic has evenly spaced ellipses; or, where the
 * highest is more than 10 times the median, powers of one ratio.
 */
export function scale({ values, low, high }) {
  const heights = thinned(values, 5000).map((value) => value - low).filter(Number.isFinite).sort();
  const top = high - low;
  if (top <= 10 * heights[heights.length >> 1]) {
    return {
      band: (height) => BANDS * Math.sqrt(height / top),
      levels: Array.from({ length: BANDS + 1 }, (_, k) => top * (k / BANDS) ** 2),
    };
  }
  const lowest = Math.max(heights.find((height) => height > 0) ?? 0, quantile(heights, 0.02), top * 1e-12);
  const ratio = Math.log(top / lowest) / (BANDS - 1);
  return {
    band: (height) => (height <= lowest ? height / lowest : 1 + Math.log(height / lowest) / ratio),
    levels: [0, ...Array.from({ length: BANDS }, (_, k) => lowest * Math.exp(k * ratio))],
  };
}

const thinned = (values, most) => {
  const stride = Math.max(1, Math.floor(values.length / most)) | 1;
  return Float64Array.from({ length: Math.floor(values.length / stride) }, (_, k) => values[k * stride]);
};

const quantile = (sorted, part) => sorted[Math.floor(part * (sorted.length - 1))];

/** Paint the bands of a sample on a canvas of its size, with thin lines between them. */
export function paint(canvas, { side, values, low }, { band }, { ramp, line }) {
  const colours = Array.from({ length: BANDS }, (_, k) => blend(ramp, k / (BANDS - 1)));
  const flat = colours.map(packed);
  const bands = Float32Array.from(values, (value) => band(value - low));
  const pixels = new Uint32Array(side * side);
  for (let at = 0; at < bands.length; at++) {
    const here = bands[at];
    if (!Number.isFinite(here)) continue;
    const right = bands[(at + 1) % side ? at + 1 : at - 1];
    const below = bands[at + side < bands.length ? at + side : at - side];
    const slope = Math.hypot(right - here, below - here) || 1e-9;
    const edge = Math.min(BANDS - 1, Math.max(1, Math.round(here)));
    const away = (here - edge) / slope; // in pixels
    if (Math.abs(away) > 1 + line.width / 2) {
      pixels[at] = flat[Math.min(BANDS - 1, Math.floor(here))];
      continue;
    }
    const shade = mix(colours[edge - 1], colours[edge], clamp(away + 0.5));
    // Lines closer than a few pixels would hide the bands: they fade.
    const cover = clamp(0.5 + line.width / 2 - Math.abs(away)) * clamp(0.4 / slope);
    pixels[at] = packed(mix(shade, line.colour, line.alpha * cover));
  }
  canvas.width = canvas.height = side;
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), side, side);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Return an opaque colour as the four bytes of a pixel, on a little-endian machine. */
const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

const clamp = (part) => Math.min(1, Math.max(0, part));

const mix = (one, other, part) => one.map((each, k) => each + (other[k] - each) * part);

/** Return the colour at a part of the way along evenly spaced stops. */
export function blend(stops, part) {
  const place = Math.min(part * (stops.length - 1), stops.length - 1 - 1e-9);
  const first = Math.floor(place);
  return mix(stops[first], stops[first + 1], place - first);
}

/** Return the [red, green, blue] of a colour written as #rrggbb. */
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.trim().slice(at, at + 2), 16));
