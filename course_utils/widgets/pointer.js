// A picture with points on it, which a hand or the keyboard moves. See pointer.py.

const STEP = 0.01, FAR = 0.1; // of an arrow key, and of one with Shift: shares of the area
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = { Enter: "enter", " ": "enter", Delete: "remove", Backspace: "remove" };
const STYLE = `
.course-frame { position: relative; display: inline-block; max-width: 100%; line-height: 0;
  cursor: crosshair; }
.course-frame img { max-width: 100%; user-select: none; }
.course-frame .course-point { position: absolute; width: 24px; height: 24px; margin: -12px; padding: 0;
  border: 2px solid white; border-radius: 50%; box-shadow: 0 0 0 2px black; cursor: move;
  touch-action: none; }
.course-frame:focus-visible, .course-frame .course-point:focus-visible { outline: 3px solid #D55E00;
  outline-offset: 2px; }`; // two classes: JupyterLab's own rules for buttons have one

const part = (tag, parent, values) =>
  parent.appendChild(Object.assign(document.createElement(tag), values));
const clamp = (share) => Math.min(Math.max(share, 0), 1);

function render({ model, el }) {
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys
  part("style", el, { textContent: STYLE });
  const frame = part("div", el, { className: "course-frame" });
  const image = part("img", frame, { draggable: false });
  const points = []; // a button each
  let held = -1; // the point that moves; none is -1
  let area, place; // where it moves, and where it is
  let moved = false, busy = false; // busy: Python has not answered yet

  const send = (event, point, [x, y] = [0.5, 0.5]) => model.send({ event, point, x, y });

  function showPicture() {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
  }

  function showWords() {
    image.alt = model.get("label");
    if (!model.get("adds")) return;
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", model.get("label"));
  }

  function showPoints() {
    const wanted = model.get("points");
    while (points.length > wanted.length) {
      const gone = points.pop();
      if (gone.matches(":focus")) (points.at(-1) ?? frame).focus();
      gone.remove();
    }
    while (points.length < wanted.length)
      points.push(part("button", frame, { type: "button", className: "course-point" }));
    wanted.forEach(({ x, y, color, label }, number) => {
      points[number].style.background = color;
      points[number].setAttribute("aria-label", label);
      points[number].title = label;
      if (number !== held) put(number, [x, y]); // the one that moves is ahead of Python
    });
  }

  function put(number, [x, y]) {
    const [left, top, width, height] = model.get("areas")[0];
    points[number].style.left = `${100 * (left + x * width)}%`;
    points[number].style.top = `${100 * (top + y * height)}%`;
  }

  // Where an event is, as shares of the whole picture.
  function onPicture({ clientX, clientY }) {
    const box = image.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }

  function areaAt(event) {
    const [x, y] = onPicture(event);
    return model.get("areas").find(([left, top, width, height]) =>
      left <= x && x <= left + width && top <= y && y <= top + height);
  }

  function within(event, [left, top, width, height]) {
    const [x, y] = onPicture(event);
    return [clamp((x - left) / width), clamp((y - top) / height)];
  }

  function moveTo(to) {
    [place, moved] = [to, true];
    put(held, place);
    if (busy) return; // the last place is sent when it is let go
    busy = true;
    send("drag", held, place);
  }

  function letGo() {
    if (held < 0) return;
    if (moved) send("drop", held, place);
    else send("enter", held);
    held = -1;
  }

  frame.addEventListener("pointerdown", (event) => {
    const point = points.indexOf(event.target);
    area = point < 0 ? areaAt(event) : model.get("areas")[0];
    if (event.button || !area || (point < 0 && model.get("adds"))) return;
    [held, moved] = [Math.max(point, 0), false];
    frame.setPointerCapture(event.pointerId);
    if (point < 0) moveTo(within(event, area));
  });
  frame.addEventListener("pointermove", (event) => {
    if (held >= 0 && event.buttons) moveTo(within(event, area));
  });
  frame.addEventListener("pointerup", letGo);
  frame.addEventListener("pointercancel", letGo);
  image.addEventListener("click", (event) => {
    const there = areaAt(event);
    if (there && model.get("adds")) send("press", -1, within(event, there));
  });

  frame.addEventListener("keydown", (event) => {
    const point = points.indexOf(event.target), arrow = ARROWS[event.key];
    const step = event.shiftKey ? FAR : STEP;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z")
      send(event.shiftKey ? "redo" : "undo", point);
    else if (arrow && point >= 0) {
      if (held !== point) {
        const { x, y } = model.get("points")[point];
        [held, place] = [point, [x, y]];
      }
      moveTo(place.map((share, axis) => clamp(share + step * arrow[axis])));
    } else if (event.key in KEYS) send(KEYS[event.key], point);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  frame.addEventListener("keyup", (event) => event.key in ARROWS && letGo());
  frame.addEventListener("focusout", () => held >= 0 && moved && letGo());

  model.on("change:picture", showPicture);
  model.on("change:label", showWords);
  model.on("change:points", showPoints);
  model.on("msg:custom", ({ focus }) => {
    busy = false;
    if (focus !== undefined) (points[focus] ?? frame).focus();
  });
  showPicture();
  showWords();
  showPoints();
  return () => URL.revokeObjectURL(image.src);
}

export default { render };
