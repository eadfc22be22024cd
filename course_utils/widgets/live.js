/**
 * What the live widgets are made of: controls, photographs that one can point at, the ab plane, and
 * colors in words. Each is tied to a model, as anywidget has it: values that Python shares.
 */

import { labToRgb, rgbToLab, writeRgb } from "./lab.js";

export const REACH = 110; // the plane shows a and b from -REACH to REACH
const PAPER = 235; // the gray of what a screen cannot show
export const FLAT = 65; // the L at which colors are drawn without their lightness
export const SIDE = 512; // pixels of a photo's middle square
const ENDS = { L: "dark to light", a: "green to red", b: "blue to yellow" };

/* The model. */

export function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

/** Draw now, and in the frame after a change. */
export function follow(model, names, draw) {
  const later = onceAFrame(draw);
  for (const name of names) model.on(`change:${name}`, later);
  draw();
}

/** A function that draws in the next frame, once, however often it is called until then. */
function onceAFrame(draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
    });
  };
}

/** Call `use` with the Lab of a photo and its name, now and whenever its file has changed. */
export function onPhoto(model, role, side, use) {
  let file;
  const load = async () => {
    const mine = model.get("files")[role];
    if (!mine || mine === file) return;
    file = mine;
    const name = model.get(role);
    const lab = await photoLab(mine, side);
    if (file === mine) use(lab, name);
  };
  model.on("change:files", load);
  load();
}

/** The bytes of a square photo as Lab: L, a and b of a pixel, then of the next one. */
export async function photoLab(bytes, side) {
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  const lab = new Float32Array(3 * side * side);
  for (let i = 0, place = 0; i < lab.length; i += 3, place += 4) {
    lab.set(rgbToLab(data[place], data[place + 1], data[place + 2]), i);
  }
  return lab;
}

/** The middle square of a photo file, as Python would have sent it. */
async function shrink(file) {
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
  return new DataView(await blob.arrayBuffer());
}

/* Controls. */

/** A slider with its name and its number; with `stops`, of those values alone. */
export function slider(model, name, label, min, max, step = 1, stops = null) {
  const input = element("input", { type: "range", min, max, step });
  const number = element("output");
  input.addEventListener("input", () => {
    const value = input.valueAsNumber;
    put(model, { [name]: stops ? stops[value] : value });
  });
  follow(model, [name], () => {
    const value = model.get(name);
    input.value = stops ? stops.indexOf(value) : value;
    number.textContent = fixed(value, step < 1 ? 1 : 0);
  });
  return named(label, input, number);
}

export function choice(model, name, label, options) {
  const select = element("select", {}, ...options.map((each) => new Option(each)));
  select.addEventListener("change", () => put(model, { [name]: select.value }));
  follow(model, [name], () => {
    const value = model.get(name);
    if (![...select.options].some((each) => each.value === value)) select.add(new Option(value));
    select.value = value;
  });
  return named(label, select);
}

export const photoChoice = (model, role, label) => choice(model, role, label, model.get("samples"));

/** A photo from the reader's own disk. */
export function fileChoice(model, role, words) {
  const input = element("input", { type: "file", accept: "image/*" });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    try {
      const bytes = await shrink(file);
      put(model, { files: { ...model.get("files"), [role]: bytes }, [role]: file.name });
    } catch {
      words.textContent = `${file.name} cannot be read. Choose a JPEG, PNG or WebP photo.`;
    }
  });
  return named("or open yours", input);
}

/**
 * Call `use` with the pixel that is pointed at, on a canvas that shows `side` x `side` of them: by
 * the mouse or a finger, while dragging alone if `drags`; or by the arrow keys, starting at `from`.
 */
export function onPoint(canvas, side, use, { drags = false, from }) {
  const clamp = (value) => Math.min(side - 1, Math.max(0, Math.round(value)));
  const at = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    use(clamp(x * side - 0.5), clamp(y * side - 0.5));
  };
  canvas.tabIndex = 0;
  canvas.role = "application"; // its keys are its own
  canvas.classList.toggle("drags", drags);
  canvas.addEventListener("pointerdown", (event) => {
    if (drags) canvas.setPointerCapture(event.pointerId);
    at(event);
  });
  canvas.addEventListener("pointermove", (event) => (!drags || event.buttons) && at(event));
  canvas.addEventListener("keydown", (event) => {
    const [right, down] =
      { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ??
      [];
    if (right === undefined) return;
    event.preventDefault();
    const [x, y] = from();
    const step = event.shiftKey ? 10 : 1;
    use(clamp(x + step * right), clamp(y + step * down));
  });
}

/**
 * What stands under the pointer: its Lab, hue, chroma and hex in words, its place in the plane, and
 * how far it is from the pixel that was pressed last. Python sees the pixels that are pressed.
 */
export function pixelReader(model, pictures) {
  const plane = abPlane();
  const words = element("p", { className: "reading" });
  const marks = pictures.map((each) => {
    const mark = element("span", { className: "mark", hidden: true });
    each.canvas.after(mark);
    return mark;
  });
  let lab; // of the photo
  let place; // of the pixel pointed at, or null: then the pressed one is told

  const side = () => Math.sqrt(lab.length / 3);
  const colorAt = ([x, y]) => [...lab.subarray(3 * (y * side() + x)).subarray(0, 3)];
  const pressed = () => {
    const { x, y } = model.get("pixel");
    return x === undefined ? null : [x, y];
  };
  const draw = () => {
    if (!lab) return;
    const [at, pixel] = [place ?? pressed(), model.get("pixel")];
    if (!at) {
      plane.draw(FLAT, 0, 0);
      words.textContent =
        "Point at a pixel to read its color. Press, and it is kept for comparison.";
      return;
    }
    const color = colorAt(at);
    plane.draw(Math.round(color[0]), color[1], color[2]);
    for (const mark of marks) {
      mark.hidden = false;
      [mark.style.left, mark.style.top] = at.map((value) => `${(100 * (value + 0.5)) / side()}%`);
    }
    words.textContent = `Pixel ${at.join(", ")}: ${said(color, 1)}, ${hex(color)}. `;
    if (!pressed()) return;
    const [L, a, b] = color.map((value, i) => value - [pixel.L, pixel.a, pixel.b][i]);
    words.textContent +=
      `From the pressed pixel, ${numbers([pixel.L, pixel.a, pixel.b], 1)}: L differs by ` +
      `${Math.abs(L).toFixed(1)}, a and b by ${Math.hypot(a, b).toFixed(1)}.`;
  };
  const drawLater = onceAFrame(draw);
  const point = (x, y) => {
    place = [x, y];
    drawLater();
  };
  const press = () => {
    const [L, a, b] = colorAt(place);
    put(model, { kept: model.get("pixel"), pixel: { x: place[0], y: place[1], L, a, b } });
  };
  for (const { canvas, title } of pictures) {
    canvas.ariaLabel = `${title}. Arrow keys choose a pixel, Enter presses it.`;
    onPoint(canvas, SIDE, point, { from: () => place ?? pressed() ?? [SIDE / 2, SIDE / 2] });
    canvas.addEventListener("click", () => place && press());
    canvas.addEventListener("keydown", ({ key }) => key === "Enter" && place && press());
    canvas.addEventListener("pointerleave", () => {
      place = null;
      drawLater();
    });
  }
  follow(model, ["pixel"], draw);
  plane.caption.textContent = "where that pixel lies in the plane";
  return {
    words,
    figure: plane.figure,
    use(newLab) {
      lab = newLab;
      draw();
    },
  };
}

/* Pictures. */

/** A square canvas with its title; `pixels` are its RGBA bytes, and `show` brings them to it. */
export function picture(title, side) {
  const canvas = element("canvas", { width: side, height: side, role: "img" });
  const caption = element("figcaption");
  const rename = (newTitle) => {
    canvas.ariaLabel = newTitle;
    caption.textContent = newTitle;
  };
  rename(title);
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  image.data.fill(255);
  const show = () => context.putImageData(image, 0, 0);
  const draw = (lab) => {
    for (let i = 0, place = 0; i < lab.length; i += 3, place += 4) {
      writeRgb(lab[i], lab[i + 1], lab[i + 2], image.data, place);
    }
    show();
  };
  const frame = element("div", { className: "frame" }, canvas);
  const figure = element("figure", {}, caption, frame);
  return { title, canvas, figure, pixels: image.data, rename, show, draw };
}

/** One channel of a photo in the colors that it means, above the scale of these. */
export function channelPicture(name) {
  const [low, high] = name === "L" ? [0, 100] : [-80, 80];
  const made = picture(`${name}: ${ENDS[name]}`, SIDE);
  const pixels = new Uint32Array(made.pixels.buffer);
  const colorOf = (value) => {
    const color = name === "L" ? [value, 0, 0] : [FLAT, 0, 0];
    color["Lab".indexOf(name)] = value;
    return color;
  };
  const steps = 4; // colors for one unit of the channel
  const most = 256; // of a and b, when they are doubled and shifted
  const table = new Uint32Array(2 * most * steps + 1);
  const bytes = new Uint8ClampedArray(table.buffer).fill(255);
  for (let i = 0; i < table.length; i++) writeRgb(...colorOf(i / steps - most), bytes, 4 * i);
  made.draw = (lab, channel) => {
    for (let i = channel, place = 0; i < lab.length; i += 3, place++) {
      pixels[place] = table[Math.round((lab[i] + most) * steps)];
    }
    made.show();
  };
  const stops = Array.from({ length: 9 }, (_, i) => hex(colorOf(low + (i * (high - low)) / 8)));
  const scale = element("div", { className: "scale" });
  scale.style.background = `linear-gradient(to right, ${stops})`;
  const values = [low, (low + high) / 2, high].map((value) =>
    element("span", { textContent: fixed(value) }),
  );
  made.figure.append(scale, element("div", { className: "values" }, ...values));
  return made;
}

/** The ab plane; `draw` marks a color in it, and returns the share that a screen can show. */
export function abPlane() {
  const side = 2 * REACH + 1;
  const canvas = element("canvas", { width: 2 * side, height: 2 * side, role: "img" });
  const caption = element("figcaption", { textContent: "the ab plane at this L" });
  const axes = element("figcaption", {
    textContent: "across: a, green (−) to red (+); up: b, blue (−) to yellow (+)",
  });
  const frame = element("div", { className: "frame" }, canvas);
  const figure = element("figure", {}, caption, frame, axes);
  const context = canvas.getContext("2d");
  const small = new OffscreenCanvas(side, side);
  const image = new ImageData(side, side);
  let level = null; // the L that `image` shows
  let share = 0;

  const fill = (L) => {
    let [count, place] = [0, 0];
    for (let b = REACH; b >= -REACH; b--) {
      for (let a = -REACH; a <= REACH; a++, place += 4) {
        if (writeRgb(L, a, b, image.data, place)) count++;
        else image.data.fill(PAPER, place, place + 3);
        image.data[place + 3] = 255;
      }
    }
    small.getContext("2d").putImageData(image, 0, 0);
    [level, share] = [L, count / side ** 2];
  };
  const draw = (L, a, b) => {
    if (L !== level) fill(L);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, 2 * side, 2 * side);
    drawAxes(context, side);
    const [x, y] = [2 * (a + REACH) + 1, 2 * (REACH - b) + 1];
    circle(context, x, y, 7, "black", 3);
    circle(context, x, y, 9, "white", 2);
    return share;
  };
  return { canvas, caption, figure, draw };
}

function drawAxes(context, middle) {
  context.strokeStyle = "#777777";
  context.lineWidth = 1;
  for (const line of [
    [0, middle, 2 * middle, middle],
    [middle, 0, middle, 2 * middle],
  ]) {
    context.beginPath();
    context.moveTo(line[0], line[1]);
    context.lineTo(line[2], line[3]);
    context.stroke();
  }
  context.font = "14px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const tick of [-100, -50, 50, 100]) {
    label(context, fixed(tick), middle + 2 * tick, 2 * middle - 10);
    if (tick > -100) label(context, fixed(tick), 20, middle - 2 * tick);
  }
}

/** Text that can be read on any color. */
function label(context, text, x, y) {
  context.strokeStyle = "white";
  context.lineWidth = 4;
  context.strokeText(text, x, y);
  context.fillStyle = "black";
  context.fillText(text, x, y);
}

function circle(context, x, y, radius, color, width) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/* Colors in words. */

// The Lab hue, in degrees, at which each name ends.
const HUES = [
  ...[
    [20, "pink"],
    [50, "red"],
    [75, "orange"],
    [105, "yellow"],
    [125, "yellow-green"],
  ],
  ...[
    [165, "green"],
    [220, "blue-green"],
    [308, "blue"],
    [318, "violet"],
    [345, "magenta"],
  ],
  [361, "pink"],
];

export const fixed = (value, digits = 0) =>
  (Number(value.toFixed(digits)) || 0).toFixed(digits).replace("-", "−");

export const hex = (color) =>
  `#${labToRgb(...color)
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")}`;

export const numbers = ([L, a, b], digits = 0) =>
  `L ${fixed(L, digits)}, a ${fixed(a, digits)}, b ${fixed(b, digits)}`;

/** A color in words: its numbers, the name of its hue, hue and chroma. */
export function said(color, digits = 0) {
  const [, a, b] = color;
  const chroma = Math.hypot(a, b);
  const hue = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const name = chroma < 5 ? "gray" : HUES.find(([end]) => hue < end)[1];
  return `${numbers(color, digits)}: ${name}, hue ${fixed(hue)}°, chroma ${fixed(chroma)}`;
}

/* Elements. */

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

const named = (name, ...controls) =>
  element("label", {}, element("span", { textContent: name }), ...controls);
export const row = (...children) => element("div", { className: "row" }, ...children);
export const panels = (...children) => element("div", { className: "panels" }, ...children);
