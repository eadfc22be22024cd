/**
 * What course_utils/colorize.py does around its network: the small view that the network sees,
 * and full-resolution pixels from what it answers. L is the photo's own.
 */

import { lightness, writeRgb } from "./lab.js";

/** [width, height] of what the network sees of a photo; see `colorize` in Python. */
export function viewOf(width, height, { size, stride, longest, mostSeen }) {
  const scale = Math.min(
    size / Math.min(width, height),
    (longest * size) / Math.max(width, height),
    mostSeen / Math.sqrt(width * height),
  );
  return [width, height].map((side) => stride * Math.max(1, roundEven((side * scale) / stride)));
}

/** Python's `round`: a half goes to the even neighbor. */
function roundEven(x) {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 ? up - 1 : up;
}

/**
 * L of a photo at the network's view, (height, width).
 *
 * `bands` yields ImageData from the top down. The photo is resized as Pillow and PyTorch do:
 * bicubic, antialiased, first along the rows, rounded to bytes.
 */
export function lightnessOf(bands, photo, [width, height]) {
  const across = taps(photo.width, width);
  const rows = new Uint8ClampedArray(photo.height * width * 3);
  let place = 0;
  for (const { data: pixels } of bands) {
    for (let row = 0; row < pixels.length; row += 4 * photo.width) {
      for (const { first, weights } of across) {
        for (let channel = 0; channel < 3; channel++) {
          rows[place++] = mix(pixels, row + 4 * first + channel, 4, weights);
        }
      }
    }
  }
  const result = new Float32Array(height * width);
  const color = new Uint8ClampedArray(3);
  taps(photo.height, height).forEach(({ first, weights }, y) => {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        color[channel] = mix(rows, 3 * (first * width + x) + channel, 3 * width, weights);
      }
      result[y * width + x] = lightness(...color);
    }
  });
  return result;
}

/** For each of `after` pixels, which of `before` it is made of, and their shares. */
function taps(before, after) {
  const scale = before / after;
  const wide = Math.max(1, scale);
  return Array.from({ length: after }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - 2 * wide + 0.5));
    const end = Math.min(before, Math.trunc(center + 2 * wide + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, k) =>
      cubic((first + k + 0.5 - center) / wide),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Keys' cubic convolution (1981), with a = -1/2. */
function cubic(x) {
  x = Math.abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function mix(values, start, step, weights) {
  let sum = 0;
  for (let k = 0; k < weights.length; k++) sum += weights[k] * values[start + k * step];
  return sum;
}

/**
 * Color some rows of a photo in their place.
 *
 * `pixels` are RGBA bytes of the rows from `top` on of a picture of width x height; `lines` has the
 * slopes of a and b and their values at L = 0, `data` (4, lines.height, lines.width). `strength`
 * multiplies the colors: 0 is gray.
 */
export function paint(pixels, top, { width, height }, lines, strength) {
  const across = Array.from({ length: width }, (_, x) => between(x, width, lines.width));
  const line = new Float32Array(4 * lines.width); // (lines.width, 4), for one row of pixels
  const plane = lines.width * lines.height;
  for (let row = 0; row < pixels.length / (4 * width); row++) {
    const [above, below, part] = between(top + row, height, lines.height);
    for (let k = 0; k < 4; k++) {
      for (let x = 0; x < lines.width; x++) {
        const from = lines.data[k * plane + above * lines.width + x];
        const to = lines.data[k * plane + below * lines.width + x];
        line[4 * x + k] = from + part * (to - from);
      }
    }
    for (let x = 0, place = 4 * row * width; x < width; x++, place += 4) {
      const [left, right, share] = across[x];
      const at = (k) => {
        const from = line[4 * left + k];
        return from + share * (line[4 * right + k] - from);
      };
      const L = lightness(pixels[place], pixels[place + 1], pixels[place + 2]);
      const a = strength * (at(0) * L + at(2));
      const b = strength * (at(1) * L + at(3));
      writeRgb(L, a, b, pixels, place, true);
    }
  }
}

/** Where pixel i of `count` lies among `few`: the two around it, and its share of the second. */
function between(i, count, few) {
  const place = Math.min(few - 1, Math.max(0, ((i + 0.5) * few) / count - 0.5));
  const first = Math.floor(place);
  return [first, Math.min(few - 1, first + 1), place - first];
}
