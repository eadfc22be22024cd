/** The front page: a photo in, the same photo in color out. What colors it is in worker.js. */

const MOST_PIXELS = 40e6; // a photo of more takes a gigabyte
const LONGEST = 1600; // pixels of what is shown; what is saved is whole

const find = (selector) => document.querySelector(selector);
const [file, split, strength, temperature, save] = [
  ...["#file", "#split", "#strength", "#temperature", "#save"].map(find),
];
const status = find("#status");
const networks = [...document.querySelectorAll("[name=network]")];
const samples = [...document.querySelectorAll(".samples button")];
const stage = find(".stage");
const loaded = new Set(); // networks
let photo; // {name, width, height}, as soon as there is one

/* The worker: one question at a time, each with its answer. */

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let questions = 0;

worker.addEventListener("message", ({ data: { id, result, error } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  error ? reject(new Error(error)) : resolve(result);
});

worker.addEventListener("error", () => {
  tell("This browser cannot color photos; a newer one can.", true);
});

function ask(name, value, transfer = []) {
  return new Promise((resolve, reject) => {
    waiting.set(++questions, { resolve, reject });
    worker.postMessage({ id: questions, name, value }, transfer);
  });
}

function tell(words, isError = false) {
  status.textContent = words;
  status.classList.toggle("error", isError);
}

/* A photo comes in. */

async function open(blob, name) {
  tell("Reading the photo …");
  try {
    const { width, height } = await sizeOf(blob, name);
    const bitmap = await createImageBitmap(blob).catch(() => unreadable(name, blob));
    await ask("open", bitmap, [bitmap]);
    photo = { name, width, height };
    await show(find(".before"), { strength: 0 });
    stage.classList.add("waiting");
    for (const control of [strength, save, ...networks]) control.disabled = false;
    await color();
  } catch (error) {
    tell(error.message, true);
  }
}

async function sizeOf(blob, name) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await new Promise((resolve, reject) => {
    image.addEventListener("load", resolve);
    image.addEventListener("error", reject);
  }).catch(() => unreadable(name, blob));
  URL.revokeObjectURL(image.src);
  const { naturalWidth: width, naturalHeight: height } = image;
  if (width * height > MOST_PIXELS) {
    const [has, most] = [width * height, MOST_PIXELS].map((count) => Math.round(count / 1e6));
    throw new Error(`${name} has ${has} megapixels, more than the ${most} that this page takes.`);
  }
  return { width, height };
}

function unreadable(name, blob) {
  throw new Error(
    blob.type.startsWith("image/")
      ? `${name} cannot be read. It may be damaged, or of a kind that this browser does not know.`
      : `${name} is not a photo. Choose a JPEG, PNG or WebP file.`,
  );
}

/* It is colored, and again whenever a control moves: the last wish counts. */

const how = () => ({
  network: networks.find((each) => each.checked).value,
  temperature: Number(temperature.value),
  strength: Number(strength.value) / 100,
});

let isColoring = false;
let isStale = false;

async function color() {
  isStale = true;
  if (isColoring) return;
  isColoring = true;
  try {
    while (isStale) {
      isStale = false;
      const wish = how();
      if (!loaded.has(wish.network)) tell("Loading the network, once …");
      await ask("load", wish.network);
      loaded.add(wish.network);
      tell("Coloring …");
      await show(find(".after"), wish);
    }
    stage.classList.remove("waiting");
    tell(`Done: ${photo.width} × ${photo.height} pixels. It never left your browser.`);
  } catch (error) {
    tell(error.message, true);
  } finally {
    isColoring = false;
  }
}

async function show(layer, wish) {
  const scale = Math.min(1, LONGEST / Math.max(photo.width, photo.height));
  const [width, height] = [photo.width, photo.height].map((side) =>
    Math.max(1, Math.round(side * scale)),
  );
  const bitmap = await ask("color", { width, height, ...wish });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.className = layer.className;
  canvas.role = "img";
  const words = wish.strength ? "in the colors that the network guessed" : "in black and white";
  canvas.ariaLabel = `${photo.name}, ${words}`;
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
  stage.style.setProperty("--aspect", width / height);
  layer.replaceWith(canvas);
}

/* What the visitor can do. */

file.addEventListener("change", () => file.files[0] && take(file.files[0]));
addEventListener("paste", ({ clipboardData: { files } }) => files[0] && take(files[0]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});

function take(chosen) {
  mark();
  file.value = ""; // so that the same photo can be chosen again
  return open(chosen, chosen.name);
}

function mark(chosen) {
  for (const sample of samples) sample.ariaPressed = String(sample === chosen);
}

for (const sample of samples) {
  sample.addEventListener("click", async () => {
    mark(sample);
    const image = sample.querySelector("img");
    await open(await (await fetch(image.src)).blob(), image.alt);
  });
}

// Whoever is about to choose need not wait for the network afterwards.
const fetchAhead = () => ask("load", how().network).catch(() => {}); // what fails is told later
for (const hint of ["pointerover", "focusin"]) {
  find(".ask").addEventListener(hint, fetchAhead, { once: true });
}

split.addEventListener("input", () => {
  stage.style.setProperty("--split", `${split.value}%`);
});

for (const control of [strength, temperature, ...networks]) {
  control.addEventListener("input", () => {
    describe();
    color();
  });
}

function describe() {
  temperature.closest("label").hidden = !how().network.endsWith("vivid");
  find("#strength-now").textContent = `${strength.value} %`;
  find("#temperature-now").textContent = temperature.value;
}

save.addEventListener("click", async () => {
  tell("Writing the PNG …");
  try {
    const [link, wish] = [document.createElement("a"), how()];
    await ask("load", wish.network);
    link.href = URL.createObjectURL(await ask("save", wish));
    link.download = `${photo.name.replace(/\.\w+$/, "")}-colors-guessed.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    tell("Saved, with a note inside that the colors are a guess.");
  } catch (error) {
    tell(error.message, true);
  }
});

describe();
tell("");
