/**
 * sRGB and CIE Lab, by the formulas and constants of course_utils/color.py: D65, 2 degrees. The
 * widgets of lesson 1 and the web site's front page stand on it.
 *
 * Bytes of sRGB in 0..255; L in 0..100, a and b about -110..110.
 */

const SRGB_TO_XYZ = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
];
const WHITE_D65 = [0.95047, 1.0, 1.08883];
const [JOIN_T, JOIN_F, SLOPE, OFFSET] = [0.008856, 0.2068966, 7.787, 16 / 116];
const TOLERANCE = 1e-4; // of linear light, within which a screen is said to show a color
const HALVINGS = 8; // of the interval in which the chroma that is kept lies

const LINEAR_TO_T = SRGB_TO_XYZ.map((row, i) => row.map((value) => value / WHITE_D65[i]));
const [[xr, xg, xb], [yr, yg, yb], [zr, zg, zb]] = LINEAR_TO_T;
const [[rx, ry, rz], [gx, gy, gz], [bx, by, bz]] = inverse(LINEAR_TO_T);

const decode = (v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
const encode = (v) => (v > 0.0031308 ? 1.055 * v ** (1 / 2.4) - 0.055 : v * 12.92);
const DECODED = Float64Array.from({ length: 256 }, (_, byte) => decode(byte / 255));
// Of linear light in steps of 1 / 65535.
const ENCODED = Uint8Array.from({ length: 65536 }, (_, i) => Math.round(255 * encode(i / 65535)));

const f = (t) => (t > JOIN_T ? Math.cbrt(t) : SLOPE * t + OFFSET);
const fInverse = (v) => (v > JOIN_F ? v * v * v : (v - OFFSET) / SLOPE);

/** L alone of a color in bytes. */
export function lightness(r, g, b) {
  return 116 * f(yr * DECODED[r] + yg * DECODED[g] + yb * DECODED[b]) - 16;
}

/** [L, a, b] of a color in bytes. */
export function rgbToLab(r, g, b) {
  const [red, green, blue] = [DECODED[r], DECODED[g], DECODED[b]];
  const fx = f(xr * red + xg * green + xb * blue);
  const fy = f(yr * red + yg * green + yb * blue);
  const fz = f(zr * red + zg * green + zb * blue);
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

/** A color as bytes [r, g, b]; one that a screen cannot show is clipped, or made paler if `fit`. */
export function labToRgb(L, a, b, fit = false) {
  const rgb = new Uint8ClampedArray(3);
  writeRgb(L, a, b, rgb, 0, fit);
  return [...rgb];
}

/** `labToRgb` into three places of an array of bytes; returns whether a screen can show it. */
export function writeRgb(L, a, b, bytes, place, fit = false) {
  toLinear(L, a, b);
  const shown = isShown();
  if (fit && !shown) {
    const kept = chromaKept(L, a, b);
    toLinear(L, a * kept, b * kept);
  }
  for (let channel = 0; channel < 3; channel++) {
    const clipped = Math.min(1, Math.max(0, linear[channel]));
    bytes[place + channel] = ENCODED[(65535 * clipped + 0.5) | 0];
  }
  return shown;
}

/** Whether an sRGB screen can show a color. */
export function inGamut(L, a, b) {
  toLinear(L, a, b);
  return isShown();
}

/** The share of its chroma that a color outside the gamut keeps, with its L and hue. */
export function chromaKept(L, a, b) {
  let kept = 0;
  for (let step = 1; step <= HALVINGS; step++) {
    const more = kept + 0.5 ** step;
    if (inGamut(L, a * more, b * more)) kept = more;
  }
  return kept;
}

const linear = new Float64Array(3); // what `toLinear` gives

function toLinear(L, a, b) {
  const fy = (L + 16) / 116;
  const x = fInverse(fy + a / 500);
  const y = fInverse(fy);
  const z = fInverse(Math.max(0, fy - b / 200));
  linear[0] = rx * x + ry * y + rz * z;
  linear[1] = gx * x + gy * y + gz * z;
  linear[2] = bx * x + by * y + bz * z;
}

function isShown() {
  for (let channel = 0; channel < 3; channel++) {
    if (linear[channel] < -TOLERANCE || linear[channel] > 1 + TOLERANCE) return false;
  }
  return true;
}

/** Of a 3 x 3 matrix: its columns are the cross products of the rows, over the determinant. */
function inverse([p, q, r]) {
  const columns = [cross(q, r), cross(r, p), cross(p, q)];
  const determinant = p.reduce((sum, value, i) => sum + value * columns[0][i], 0);
  return p.map((_, i) => columns.map((column) => column[i] / determinant));
}

function cross([a, b, c], [d, e, f]) {
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}
