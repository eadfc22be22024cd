/**
 * The widgets of lesson 1: pictures that are computed in the browser and follow the hand.
 *
 * `render` is what anywidget calls. Its model shares values with course_utils/widgets/lab_color.py,
 * which names and bounds them; on the web site, mount.js takes the place of Python.
 */

import { writeRgb } from "./lab.js";
import {
  abPlane,
  channelPicture,
  choice,
  element,
  fileChoice,
  fixed,
  FLAT,
  follow,
  hex,
  numbers,
  onPhoto,
  onPoint,
  panels,
  photoChoice,
  picture,
  pixelReader,
  put,
  REACH,
  row,
  said,
  SIDE,
  slider,
} from "./live.js";

const VIEWS = { AbPlane, PhotoChannels, TwoPhotos, ColorResolution };

export default {
  render({ model, el }) {
    el.classList.add("lab-color");
    // Arrow keys belong to the widget: the first line tells JupyterLab, the second the Notebook.
    el.dataset.lmSuppressShortcuts = "true";
    el.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(...VIEWS[model.get("view")](model));
  },
};

/* The widgets: each returns the elements that it consists of. */

/** Every color that a screen can show at one L, and one of them picked by dragging. */
function AbPlane(model) {
  const plane = abPlane();
  const swatch = element("div", { className: "swatch" });
  const words = element("p");
  const keep = element("button", { type: "button", textContent: "Keep this color" });
  const pick = () => ["L", "a", "b"].map((name) => model.get(name));

  plane.canvas.ariaLabel = "The ab plane. Arrow keys move the marker.";
  onPoint(plane.canvas, 2 * REACH + 1, (x, y) => put(model, { a: x - REACH, b: REACH - y }), {
    drags: true,
    from: () => [model.get("a") + REACH, REACH - model.get("b")],
  });
  keep.addEventListener("click", () => put(model, { kept: pick() }));
  follow(model, ["L", "a", "b", "kept"], () => {
    const [color, kept] = [pick(), model.get("kept")];
    const share = plane.draw(...color);
    const bytes = new Uint8ClampedArray(3);
    const shown = writeRgb(...color, bytes, 0);
    const rgb = `R ${bytes[0]}, G ${bytes[1]}, B ${bytes[2]} (${hex(color)})`;
    const verdict = shown ? rgb : `Outside what a screen can show; clipped, it becomes ${rgb}`;
    swatch.replaceChildren(box(color, "now"), ...(kept.length ? [box(kept, "kept")] : []));
    words.textContent = [
      `${said(color)}. ${verdict}.`,
      `At this L a screen shows ${(100 * share).toFixed(0)} % of the square.`,
      kept.length
        ? `From the kept color, ${numbers(kept)}, it is ${apart(color, kept)} away (CIE76).`
        : "",
    ].join(" ");
  });
  return [
    row(
      slider(model, "L", "L (lightness)", 0, 100),
      slider(model, "a", "a (green-red)", -REACH, REACH),
      slider(model, "b", "b (blue-yellow)", -REACH, REACH),
      keep,
    ),
    panels(plane.figure, swatch),
    words,
  ];
}

/** A photo taken apart: scale and shift L, a and b, and see what is left of it. */
function PhotoChannels(model) {
  const names = ["L", "a", "b"];
  const result = picture("the photo that results", SIDE);
  const parts = names.map((name) => channelPicture(name));
  const words = element("p");
  const reader = pixelReader(model, [result, ...parts]);
  let photo; // its Lab, as it came
  const moved = new Float32Array(3 * SIDE * SIDE);

  const draw = () => {
    if (!photo) return;
    const times = names.map((name) => model.get(`${name}_times`));
    const plus = names.map((name) => model.get(`${name}_plus`));
    const sums = [0, 0, 0];
    let [chroma, clipped] = [0, 0];
    for (let i = 0, place = 0; i < moved.length; i += 3, place += 4) {
      const L = Math.min(100, Math.max(0, (photo[i] - 50) * times[0] + 50 + plus[0]));
      const a = photo[i + 1] * times[1] + plus[1];
      const b = photo[i + 2] * times[2] + plus[2];
      [moved[i], moved[i + 1], moved[i + 2]] = [L, a, b];
      if (!writeRgb(L, a, b, result.pixels, place)) clipped++;
      sums[0] += L;
      sums[1] += a;
      sums[2] += b;
      chroma += Math.sqrt(a * a + b * b);
    }
    result.show();
    parts.forEach((part, channel) => part.draw(moved, channel));
    reader.use(moved);
    const count = SIDE * SIDE;
    const [L, a, b] = sums.map((sum) => sum / count);
    const means = `L ${fixed(L)}, a ${fixed(a, 1)}, b ${fixed(b, 1)}`;
    words.textContent =
      `${told(times, plus, moved)}. Means: ${means}, chroma ${(chroma / count).toFixed(1)}. ` +
      `${((100 * clipped) / count).toFixed(0)} % of the pixels are colors that a screen cannot show.`;
  };

  const changes = names.flatMap((name) => [`${name}_times`, `${name}_plus`]);
  follow(model, changes, draw);
  onPhoto(model, "photo", SIDE, (lab) => {
    photo = lab;
    draw();
  });
  return [
    row(photoChoice(model, "photo", "photo"), fileChoice(model, "photo", words)),
    row(
      slider(model, "L_times", "L contrast ×", 0, 2, 0.1),
      slider(model, "L_plus", "L plus", -50, 50),
    ),
    ...["a", "b"].map((name) =>
      row(
        slider(model, `${name}_times`, `${name} times`, -2, 2, 0.1),
        slider(model, `${name}_plus`, `${name} plus`, -50, 50),
      ),
    ),
    panels(result.figure, ...parts.map((part) => part.figure), reader.figure),
    words,
    reader.words,
  ];
}

/** L from one photo and ab from another: the edges come with L. */
function TwoPhotos(model) {
  const roles = ["lightness", "color"];
  const shown = ["", "", "L and ab together", "ab alone, at one L"].map((title) =>
    picture(title, SIDE),
  );
  const reader = pixelReader(model, [shown[2]]);
  const words = element("p");
  const photos = {};

  const draw = () => {
    if (roles.some((role) => !photos[role])) return;
    const [first, second] = roles.map((role) => photos[role].lab);
    const mixed = second.map((value, i) => (i % 3 ? value : first[i]));
    const [lightness, color] = roles.map((role) => photos[role].name);
    shown[0].rename(`L from: ${lightness}`);
    shown[1].rename(`a and b from: ${color}`);
    [first, second, mixed, flat(second)].forEach((lab, n) => shown[n].draw(lab));
    reader.use(mixed);
    const edges = [mixed, first, second].map(edgesOf);
    const agrees = [1, 2].map((n) => correlation(edges[0], edges[n]).toFixed(2));
    words.textContent =
      `The shapes of ${lightness} in the colors of ${color}. Edges of the result, measured in ` +
      `RGB, correlate ${agrees[0]} with those of ${lightness} (its L) and ${agrees[1]} with ` +
      `those of ${color} (its a and b).`;
  };

  for (const role of roles) {
    onPhoto(model, role, SIDE, (lab, name) => {
      photos[role] = { lab, name };
      draw();
    });
  }
  return [
    row(photoChoice(model, "lightness", "L from"), photoChoice(model, "color", "ab from")),
    panels(...shown.map((each) => each.figure), reader.figure),
    words,
    reader.words,
  ];
}

/** How few numbers a and b need while L keeps all of its own; and whether you can tell. */
function ColorResolution(model) {
  const sides = ["left", "right"];
  const side = SIDE / 2;
  const shown = [...sides, "ab alone, at one L"].map((title) => picture(title, side));
  const words = element("p");
  const buttons = ["Which is the original?", ...sides].map((textContent) =>
    element("button", { type: "button", textContent }),
  );
  let photo;

  const draw = () => {
    const [every, coarse, rounds] = ["every", "coarse", "rounds"].map((name) => model.get(name));
    const last = rounds.at(-1);
    const asks = last?.answer === "";
    buttons.forEach((button, n) => (button.disabled = asks === (n === 0)));
    if (!photo) return;
    const smooth = model.get("drawn") === "blurred";
    const reduced = coarsen(photo, side, coarse === "L" ? [0] : [1, 2], every, smooth);
    const versions = [
      [photo, "the original"],
      [reduced, `${coarse} at 1/${every}`],
    ];
    if (last?.original === "right") versions.reverse();
    versions.forEach(([lab, title], n) => {
      shown[n].draw(lab);
      shown[n].rename(asks ? sides[n] : title);
    });
    shown[2].draw(flat(reduced));
    shown[2].figure.hidden = asks; // it would tell
    words.textContent = asks
      ? "Which is the original? Press left or right."
      : verdict(rounds, every) +
        `Of ${coarse}, 1 of ${every ** 2} numbers is left. ` +
        `Difference in Lab: ${differences(photo, reduced)}.`;
  };

  buttons[0].addEventListener("click", () => {
    const original = sides[Math.floor(2 * Math.random())];
    put(model, { rounds: [...model.get("rounds"), { original, answer: "" }] });
  });
  buttons.slice(1).forEach((button, n) => {
    button.addEventListener("click", () => {
      const rounds = model.get("rounds");
      const answered = { ...rounds.at(-1), answer: sides[n] };
      put(model, { rounds: [...rounds.slice(0, -1), answered] });
    });
  });
  follow(model, ["every", "coarse", "drawn", "rounds"], draw);
  onPhoto(model, "photo", side, (lab) => {
    photo = lab;
    draw();
  });
  return [
    row(
      photoChoice(model, "photo", "photo"),
      slider(model, "every", "1 number every", 0, 5, 1, [1, 2, 4, 8, 16, 32]),
      choice(model, "coarse", "coarse", ["a and b", "L"]),
      choice(model, "drawn", "drawn", ["blurred", "in blocks"]),
    ),
    row(...buttons),
    panels(...shown.map((each) => each.figure)),
    words,
  ];
}

/* Numbers. */

/** The colors of a photo without its lightness. */
const flat = (lab) => lab.map((value, i) => (i % 3 ? value : FLAT));

/** Means of blocks of `every` x `every` pixels, drawn smoothly or as blocks. */
function coarsen(lab, side, channels, every, smooth) {
  const few = side / every;
  const means = new Float32Array(3 * few * few);
  const result = lab.slice();
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const block = Math.floor(y / every) * few + Math.floor(x / every);
      for (const c of channels) means[3 * block + c] += lab[3 * (y * side + x) + c] / every ** 2;
    }
  }
  const near = Array.from({ length: side }, (_, i) => {
    const place = Math.min(few - 1, Math.max(0, (i + 0.5) / every - 0.5));
    const first = smooth ? Math.floor(place) : Math.floor(i / every);
    return [first, Math.min(few - 1, first + 1), smooth ? place - first : 0];
  });
  for (let y = 0; y < side; y++) {
    const [above, below, down] = near[y];
    for (let x = 0; x < side; x++) {
      const [left, right, across] = near[x];
      for (const c of channels) {
        const mean = (row, column) => means[3 * (row * few + column) + c];
        const top = (1 - across) * mean(above, left) + across * mean(above, right);
        const bottom = (1 - across) * mean(below, left) + across * mean(below, right);
        result[3 * (y * side + x) + c] = (1 - down) * top + down * bottom;
      }
    }
  }
  return result;
}

/** How fast the RGB of a photo changes from pixel to pixel. */
function edgesOf(lab) {
  const side = Math.sqrt(lab.length / 3);
  const rgb = new Uint8ClampedArray(lab.length);
  for (let i = 0; i < lab.length; i += 3) writeRgb(lab[i], lab[i + 1], lab[i + 2], rgb, i);
  const edges = [];
  for (let y = 0; y < side - 1; y++) {
    for (let i = 3 * y * side; i < 3 * (y * side + side - 1); i += 3) {
      let sum = 0;
      for (let c = i; c < i + 3; c++) {
        sum += (rgb[c + 3] - rgb[c]) ** 2 + (rgb[c + 3 * side] - rgb[c]) ** 2;
      }
      edges.push(Math.sqrt(sum));
    }
  }
  return edges;
}

function correlation(first, second) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [one, other] = [mean(first), mean(second)];
  let [both, squares, otherSquares] = [0, 0, 0];
  first.forEach((value, i) => {
    both += (value - one) * (second[i] - other);
    squares += (value - one) ** 2;
    otherSquares += (second[i] - other) ** 2;
  });
  return both / Math.sqrt(squares * otherSquares);
}

const apart = (first, second) =>
  Math.hypot(...first.map((value, i) => value - second[i])).toFixed(1);

/* Words. */

/** What the sliders of the channels did to a photo. */
function told(times, plus, moved) {
  const changes = ["L", "a", "b"].map((name, i) =>
    [
      name,
      times[i] !== 1 ? ` × ${fixed(times[i], 1)}` : "",
      plus[i] ? ` ${plus[i] > 0 ? "+" : ""}${fixed(plus[i])}` : "",
    ].join(""),
  );
  const effects = [
    [times[0] === 0, "no lightness contrast: shapes are hard to see"],
    [moved.every((value, i) => i % 3 === 0 || value === 0), "a = b = 0: the black-and-white photo"],
    [times[1] < 0, "green and red swapped"],
    [times[2] < 0, "blue and yellow swapped"],
  ];
  return [
    changes.filter((change) => change.length > 1).join(", ") || "Nothing changed",
    ...effects.filter(([holds]) => holds).map(([, effect]) => effect),
  ].join("; ");
}

function verdict(rounds, every) {
  if (every === 1) return "Nothing is left out: both are the original. ";
  if (!rounds.length) return "";
  const found = rounds.filter(({ original, answer }) => original === answer).length;
  const { original, answer } = rounds.at(-1);
  return (
    `${answer === original ? "Right" : "No"}: the original is ${original}. ` +
    `Found ${found} of ${rounds.length}. `
  );
}

function differences(first, second) {
  let [sum, most] = [0, 0];
  for (let i = 0; i < first.length; i += 3) {
    const [L, a, b] = [0, 1, 2].map((c) => first[i + c] - second[i + c]);
    const distance = Math.sqrt(L * L + a * a + b * b);
    sum += distance;
    most = Math.max(most, distance);
  }
  return `mean ${((3 * sum) / first.length).toFixed(1)}, at most ${most.toFixed(0)}`;
}

function box(color, name) {
  const patch = element("div", { className: "patch" });
  patch.style.background = hex(color);
  return element("div", {}, patch, element("span", { textContent: `${name} ${hex(color)}` }));
}
