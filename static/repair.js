// Painting over the part of a picture that should change: with mouse, pen or finger. Without this script, and
// by keyboard, a part is chosen by its name.
const stage = document.getElementById("stage");
const canvas = document.getElementById("brush");
const form = document.getElementById("repair");
const tools = document.getElementById("brush-tools");
const erase = document.getElementById("erase");
const nothing = document.getElementById("nothing");
const ink = canvas.getContext("2d");
let strokes = []; // {width, erases, points}

canvas.hidden = false;
const option = document.getElementById("by-brush");
option.hidden = false;
if (!form.querySelector("[role=alert]:not([hidden])")) option.querySelector("input").checked = true;

function paints() { return !new FormData(form).get("region"); }
function show() {
  stage.classList.toggle("paints", paints());
  tools.hidden = !paints();
  for (const out of form.querySelectorAll("output")) out.textContent = document.getElementById(out.htmlFor.value).value;
}
function draw(context, colour) {
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.globalCompositeOperation = stroke.erases ? "destination-out" : "source-over";
    context.strokeStyle = colour;
    context.lineWidth = stroke.width;
    context.beginPath();
    stroke.points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (stroke.points.length === 1) context.lineTo(stroke.points[0][0] + 0.01, stroke.points[0][1]);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}
const colour = getComputedStyle(document.body).getPropertyValue("--primary") || "#a8380f";
const redraw = () => draw(ink, getComputedStyle(canvas).color || colour);

function at(event) { // in pixels of the picture, which the canvas shows whole in its middle
  const box = canvas.getBoundingClientRect(), k = Math.min(box.width / canvas.width, box.height / canvas.height);
  return [(event.clientX - box.left - (box.width - k * canvas.width) / 2) / k, (event.clientY - box.top - (box.height - k * canvas.height) / 2) / k];
}
let current = null;
canvas.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button) return;
  canvas.setPointerCapture(event.pointerId);
  const width = (Number(document.getElementById("size").value) / 100) * Math.min(canvas.width, canvas.height);
  current = { width, erases: erase.getAttribute("aria-pressed") === "true", points: [at(event)] };
  strokes.push(current);
  nothing.hidden = true;
  redraw();
});
canvas.addEventListener("pointermove", (event) => {
  if (!current || !event.isPrimary) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) current.points.push(at(each));
  redraw();
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { current = null; });
document.getElementById("undo").addEventListener("click", () => { strokes.pop(); redraw(); });
document.getElementById("clear").addEventListener("click", () => { strokes = []; redraw(); });
erase.addEventListener("click", () => erase.setAttribute("aria-pressed", String(erase.getAttribute("aria-pressed") !== "true")));
form.addEventListener("input", show);

function mask() { // a PNG, white on black, in base64; "" when nothing is marked
  const made = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = made.getContext("2d");
  draw(context, "#fff");
  const pixels = context.getImageData(0, 0, made.width, made.height);
  let any = false;
  for (let i = 0; i < pixels.data.length; i += 4) {
    const on = pixels.data[i + 3] > 127;
    any ||= on;
    pixels.data.fill(on ? 255 : 0, i, i + 3);
    pixels.data[i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return any ? made.toDataURL("image/png") : "";
}
form.addEventListener("submit", (event) => {
  form.elements.mask.value = paints() ? mask() : "";
  if (!paints() || form.elements.mask.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  nothing.textContent = tools.dataset.nothing;
  nothing.hidden = false;
}, { capture: true });
addEventListener("pageshow", () => { // a page restored by the back button sends a new request
  form.elements.key.value = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
});
show();
