/**
 * Brings the widgets of lesson 1 to life on a page without Python: each place that conf.py left for
 * one holds the values that it starts with.
 */

/** What anywidget's model does, with the site's photographs in the place of Python's. */
class Model {
  #values;
  #listeners = [];

  constructor(values) {
    this.#values = { ...values, files: {} };
  }

  get(name) {
    return this.#values[name];
  }

  set(name, value) {
    this.#values[name] = value;
    for (const { event, listener } of this.#listeners) if (event === `change:${name}`) listener();
    if (["photo", "lightness", "color"].includes(name)) this.fetchPhoto(name);
  }

  on(event, listener) {
    this.#listeners.push({ event, listener });
  }

  save_changes() {}

  /** The photo that a value names, unless it is one of the visitor's own. */
  async fetchPhoto(role) {
    const name = this.get(role);
    if (!this.get("samples").includes(name)) return;
    const response = await fetch(new URL(`photos/${name}.jpg`, import.meta.url));
    const bytes = await response.arrayBuffer();
    if (this.get(role) === name) this.set("files", { ...this.get("files"), [role]: bytes });
  }
}

async function mount(place) {
  const { default: widget } = await import("./lab_color.js");
  const model = new Model(JSON.parse(place.querySelector("script").textContent));
  const roles = ["photo", "lightness", "color"].filter((role) => model.get(role));
  await Promise.all(roles.map((role) => model.fetchPhoto(role)));
  place.replaceChildren();
  widget.render({ model, el: place });
  return model;
}

for (const place of document.querySelectorAll(".live-widget")) mount(place);
