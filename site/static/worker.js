/** Colors photos beside the page, so that it stays alive. Nothing leaves the browser. */

import { lightnessOf, paint, viewOf } from "./colorize.js";

const FILES = new URL("in_browser/", import.meta.url);
const ROWS = 128; // of a photo that are read and colored at a time
const GRAY = { data: new Float32Array(4), width: 1, height: 1 }; // an answer: a = b = 0
const NOTE = "Colorized by a neural network. The colors are a guess, not a record.";

let photo; // an ImageBitmap
let answers = {}; // what the networks say of it: lines of lightness, by network and temperature
const sessions = {};
let about; // what the site was built with
let runtime; // ONNX Runtime Web

const calls = {
  /** Fetch what a network needs, once. */
  async load(network) {
    const response = await fetch(new URL("about.json", FILES)).catch(offline);
    about = response.ok ? await response.json() : { missing: "about.json was not written" };
    if (about.missing) {
      throw new Error(`This copy of the site cannot color: ${about.missing} when it was built.`);
    }
    runtime ??= await import(new URL("ort/ort.wasm.min.mjs", FILES)).catch(offline);
    runtime.env.wasm.wasmPaths = new URL("ort/", FILES).href;
    runtime.env.wasm.numThreads = 1; // more need headers that GitHub Pages does not send
    for (const name of [network, "edges"]) {
      const file = new URL(`${name}.onnx`, FILES).href;
      sessions[name] ??= await runtime.InferenceSession.create(file).catch(offline);
    }
  },

  /** Take a photo in place of the last one. */
  open(bitmap) {
    photo?.close();
    [photo, answers] = [bitmap, {}];
  },

  /** The photo in color, of some size, as an ImageBitmap; gray needs no network. */
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

function offline() {
  throw new Error("The network did not load. Check the connection, and try again.");
}

async function colored(width, height, { network, temperature, strength }) {
  const lines = strength ? await answerOf(network, temperature) : GRAY;
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

/** What the network says of the photo: a and b as lines of L, at its view. */
async function answerOf(network, temperature) {
  const name = `${network} ${temperature}`;
  if (!answers[name]) {
    const limits = { ...about, size: about.size[network] };
    const [width, height] = viewOf(photo.width, photo.height, limits);
    const pixels = lightnessOf(bandsOf(photo.width, photo.height), photo, [width, height]);
    const lightness = new runtime.Tensor("float32", pixels, [1, 1, height, width]);
    const heat = new runtime.Tensor("float32", [temperature], []);
    const ab = await run(network, { lightness, temperature: heat });
    const lines = await run("edges", { lightness, ab });
    answers[name] = { data: lines.data, width, height };
  }
  return answers[name];
}

async function run(name, inputs) {
  const session = sessions[name];
  return (await session.run(inputs))[session.outputNames[0]];
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
