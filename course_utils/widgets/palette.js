// Rows of colors, of which one is chosen. See palette.py.

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const STYLE = `
.course-palette { color: var(--jp-ui-font-color1, inherit); line-height: 1.5; min-width: 26em; }
.course-palette .course-row { display: flex; align-items: center; }
.course-palette .course-row span { width: 6em; }
.course-palette .course-row button { width: 24px; height: 24px; padding: 0; border-radius: 0;
  border: 1px solid #888888; cursor: pointer; }
.course-palette .course-row button:focus-visible { outline: 3px solid #D55E00; z-index: 1; }`;

const part = (tag, parent, values) =>
  parent.appendChild(Object.assign(document.createElement(tag), values));

function render({ model, el }) {
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  part("style", el, { textContent: STYLE });
  const palette = part("div", el, { className: "course-palette" });
  palette.setAttribute("role", "group");
  const title = part("div", palette, {});
  const lines = part("div", palette, {});
  const told = part("div", palette, {});
  let rows = []; // of buttons

  const tell = (event) => (told.textContent = event.target.title ?? "");

  function show() {
    title.textContent = model.get("title");
    palette.setAttribute("aria-label", model.get("title"));
    told.textContent = "";
    lines.replaceChildren();
    rows = model.get("rows").map(({ name, colors }) => {
      const line = part("div", lines, { className: "course-row" });
      part("span", line, { textContent: name });
      return colors.map(({ color, label }) => {
        const button = part("button", line, { type: "button", title: label, tabIndex: -1 });
        button.style.background = color;
        button.setAttribute("aria-label", label);
        button.addEventListener("click", () => model.send({ color }));
        return button;
      });
    });
    if (rows.length) rows[0][0].tabIndex = 0; // Tab goes in and out; arrows go on from there
  }

  palette.addEventListener("mouseover", tell);
  palette.addEventListener("focusin", tell);
  palette.addEventListener("keydown", (event) => {
    const row = rows.findIndex((each) => each.includes(event.target));
    if (event.key === "Escape") model.send({ color: null });
    else if (row >= 0 && event.key in MOVES) {
      const [down, right] = MOVES[event.key];
      const line = rows[row + down] ?? rows[row];
      const column = rows[row].indexOf(event.target) + right;
      line[Math.min(Math.max(column, 0), line.length - 1)].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  model.on("change:rows", show);
  model.on("change:title", show);
  model.on("msg:custom", () => rows[0]?.[0].focus());
  show();
}

export default { render };
