/** Colors photos off the page's thread, so that the page stays alive. Nothing leaves the browser. */

import { lightnessOf, paint, viewOf } from "./colorize.js";

const FILES = new URL("in_browser/", import.meta.url);
const ROWS = 128; // of a photo that are read and colored at a time
const NOTE = "Colorized by a neural network. The colors are a guess, not a record.";

let photo; // an ImageBitmap
let answers = {}; // what the networks say of it: lines of lightness, by network and temperature
const sessions = {};
let runtime;

const calls = {
  /** Take a photo in place of the last one. */
  open(bitmap) {
    photo?.close();
    [photo, answers] = [bitmap, {}];
  },

  /** The photo in color as an ImageBitmap, `width` pixels wide. */
  async color({ width, height, ...how }) {
    return (await colored(width, height, how)).transferToImageBitmap();
  },

  /** The photo in color, whole, as a PNG that says that it is a guess. */
  async save(how) {
    const canvas = await colored(photo.width, photo.height, how);
    return noted(await canvas.convertToBlob({ type: "image/png" }), NOTE);
  },
};

let last = Promise.resolve();
addEventListener("message", ({ data: { id, name, value } }) => {
  last = last.then(async () => {
    try {
      const result = await calls[name](value);
      postMessage({ id, result }, result instanceof ImageBitmap ? [result] : []);
    } catch (error) {
      postMessage({ id, error: error.message });
    }
  });
});

async function colored(width, height, { network, temperature, strength }) {
  const lines = await answerOf(network, temperature);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  let top = 0;
  for (const band of bandsOf(width, height)) {
    paint(band.data, top, canvas, lines, strength);
    context.putImageData(band, 0, top);
    top += band.height;
  }
  return canvas;
}

/** The photo at some size, over white, in bands of ImageData from the top down. */
function* bandsOf(width, height) {
  const canvas = new OffscreenCanvas(width, Math.min(ROWS, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white";
  for (let top = 0; top < height; top += ROWS) {
    const rows = Math.min(ROWS, height - top);
    context.fillRect(0, 0, width, rows);
    context.drawImage(photo, 0, -top, width, height);
    yield context.getImageData(0, 0, width, rows);
  }
}

async function answerOf(network, temperature) {
  const about = await start();
  const name = `${network} ${temperature}`;
  if (!answers[name]) {
    const limits = { ...about, size: about.size[network] };
    const [width, height] = viewOf(photo.width, photo.height, limits);
    const bands = bandsOf(photo.width, photo.height);
    const pixels = lightnessOf(bands, photo, [width, height]);
    const lightness = new runtime.Tensor("float32", pixels, [1, 1, height, width]);
    const heat = new runtime.Tensor("float32", [temperature], []);
    const ab = await run(network, { lightness, temperature: heat });
    answers[name] = { data: (await run("edges", { lightness, ab })).data, width, height };
  }
  return answers[name];
}

/** Load the runtime, once; returns what the site was built with. */
async function start() {
  calls.about ??= await (await fetch(new URL("about.json", FILES))).json();
  if (calls.about.missing) {
    throw new Error(`This copy of the site cannot color: ${calls.about.missing} when it was made.`);
  }
  if (!runtime) {
    postMessage({ say: "Loading the network, once …" });
    runtime = await import(new URL("ort/ort.wasm.min.mjs", FILES));
    runtime.env.wasm.wasmPaths = new URL("ort/", FILES).href;
    runtime.env.wasm.numThreads = 1; // more need headers that GitHub Pages does not send
  }
  return calls.about;
}

async function run(name, inputs) {
  sessions[name] ??= await runtime.InferenceSession.create(new URL(`${name}.onnx`, FILES).href);
  const session = sessions[name];
  const [output] = session.outputNames;
  return (await session.run(inputs))[output];
}

/** A PNG with a text chunk behind its header. */
async function noted(blob, text) {
  const body = new TextEncoder().encode(`tEXtDescription\0${text}`);
  const chunk = new DataView(new ArrayBuffer(body.length + 8));
  chunk.setUint32(0, body.length - 4);
  new Uint8Array(chunk.buffer).set(body, 4);
  chunk.setUint32(body.length + 4, crc(body));
  const header = 33; // bytes: the signature and IHDR
  return new Blob([blob.slice(0, header), chunk, blob.slice(header)], { type: blob.type });
}

function crc(bytes) {
  let rest = ~0;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 && 0xedb88320);
  }
  return ~rest >>> 0;
}
