// Shows an edit before it is made. The form works without this script; all values stay in its fields, and the
// server makes the edit from them on the full picture. The angles and the frame are computed as in ml/edit.py.
import Cropper from "./vendor/cropper.js";

const form = document.getElementById("edit");
const picture = document.getElementById("picture");
const fields = form.elements;
const NUMBERS = ["x", "y", "width", "height"];
const HANDLES = ["n", "e", "s", "w", "ne", "nw", "se", "sw"].map((side) => `<cropper-handle action="${side}-resize"></cropper-handle>`);
const cropper = new Cropper(picture, { template: `<cropper-canvas background><cropper-image></cropper-image><cropper-shade hidden></cropper-shade><cropper-selection movable resizable keyboard><cropper-grid role="grid" aria-hidden="true" bordered covered></cropper-grid><cropper-handle action="move" theme-color="rgba(255, 255, 255, 0)"></cropper-handle>${HANDLES.join("")}</cropper-selection></cropper-canvas>` });
const canvas = cropper.getCropperCanvas();
const image = cropper.getCropperImage();
const selection = cropper.getCropperSelection();

let whole = true; // the frame is the largest one: the server finds it by itself
let placing = false;

function turned() { // width and height after the quarter turns
  const [w, h] = [Number(form.dataset.width), Number(form.dataset.height)];
  return Number(fields.rotate.value) % 180 ? [h, w] : [w, h];
}
function angle() { return (Number(fields.straighten.value) * Math.PI) / 180; }
function shape() {
  const aspect = new FormData(form).get("aspect_ratio");
  if (!aspect) return 0;
  const [w, h] = aspect.split(":").map(Number);
  return w / h;
}
function view() { // the scale of the picture on the canvas, and where its turned frame begins
  const [w, h] = turned(), box = canvas.getBoundingClientRect();
  const scale = 0.94 * Math.min(box.width / w, box.height / h);
  return { scale, left: (box.width - scale * w) / 2, top: (box.height - scale * h) / 2, box };
}
function largest() { // as _largest in ml/edit.py
  const [w, h] = turned(), ratio = shape() || w / h;
  const sin = Math.abs(Math.sin(angle())), cos = Math.cos(angle());
  const tall = Math.min(w / (ratio * cos + sin), h / (ratio * sin + cos));
  const width = Math.min(w, Math.floor(ratio * tall + 1e-6)), height = Math.min(h, Math.floor(tall + 1e-6));
  return { x: Math.floor((w - width) / 2), y: Math.floor((h - height) / 2), width, height };
}
function inside({ x, y, width, height }) { // as _check_inside in ml/edit.py, with room for the rounding
  const [w, h] = turned(), sin = Math.sin(angle()), cos = Math.cos(angle());
  if (x < -0.5 || y < -0.5 || x + width > w + 0.5 || y + height > h + 0.5) return false;
  return [x - w / 2, x + width - w / 2].every((cx) => [y - h / 2, y + height - h / 2].every((cy) =>
    Math.abs(cx * cos + cy * sin) <= w / 2 + 0.9 && Math.abs(cy * cos - cx * sin) <= h / 2 + 0.9));
}
function inPicture(at) {
  const { scale, left, top } = view();
  return { x: (at.x - left) / scale, y: (at.y - top) / scale, width: at.width / scale, height: at.height / scale };
}
function write(frame) {
  const [w, h] = turned();
  const x = Math.max(0, Math.round(frame.x)), y = Math.max(0, Math.round(frame.y));
  const found = { x, y, width: Math.min(w - x, Math.round(frame.width)), height: Math.min(h - y, Math.round(frame.height)) };
  for (const name of NUMBERS) fields[name].value = String(found[name]);
}
function select(frame) {
  const { scale, left, top } = view();
  placing = true;
  selection.aspectRatio = shape() || NaN;
  selection.$change(left + scale * frame.x, top + scale * frame.y, scale * frame.width, scale * frame.height);
  placing = false;
  write(frame);
}
function place() { // the picture in the middle of the canvas: scaled, turned and mirrored about its own middle
  const { scale, box } = view();
  const total = angle() + (Number(fields.rotate.value) * Math.PI) / 180;
  const sin = Math.sin(total) * scale, cos = Math.cos(total) * scale;
  const across = ["horizontal", "both"].includes(fields.flip.value) ? -1 : 1;
  const down = ["vertical", "both"].includes(fields.flip.value) ? -1 : 1;
  const [w, h] = [Number(form.dataset.width), Number(form.dataset.height)];
  image.translatable = true; // or the next call does nothing; people move the frame, not the picture
  image.$setTransform(cos * across, sin * across, -sin * down, cos * down, (box.width - w) / 2, (box.height - h) / 2);
  image.translatable = false;
}
function light(off = false) {
  const [brightness, contrast, saturation] = ["brightness", "contrast", "saturation"].map((name) => 1 + Number(fields[name].value) / 100);
  image.style.filter = off ? "none" : `brightness(${brightness}) contrast(${contrast}) saturate(${saturation})`;
}
function values() { for (const out of form.querySelectorAll("output")) out.textContent = fields[out.htmlFor.value].value; }
function restart() { whole = true; place(); select(largest()); light(); values(); }

form.addEventListener("input", (event) => {
  values();
  if (["rotate", "flip", "straighten", "aspect_ratio"].includes(event.target.name)) restart();
  else if (NUMBERS.includes(event.target.name)) typed();
  else light();
});
function typed() {
  const frame = Object.fromEntries(NUMBERS.map((name) => [name, Number(fields[name].value)]));
  whole = false;
  if (frame.width > 0 && frame.height > 0 && inside(frame)) {
    const kept = Object.fromEntries(NUMBERS.map((name) => [name, fields[name].value]));
    select(frame);
    for (const name of NUMBERS) fields[name].value = kept[name]; // nothing changes under the typing hand
  }
}
selection.addEventListener("change", (event) => {
  if (placing) return;
  const frame = inPicture(event.detail);
  if (!inside(frame)) event.preventDefault();
  else { whole = false; write(frame); }
});
form.addEventListener("reset", () => setTimeout(restart, 0));
form.addEventListener("submit", () => {
  if (whole) for (const name of NUMBERS) fields[name].value = "";
});
const before = document.getElementById("before");
before.hidden = false;
before.addEventListener("click", () => {
  const on = before.getAttribute("aria-pressed") !== "true";
  before.setAttribute("aria-pressed", String(on));
  light(on);
});
addEventListener("resize", restart);
image.$ready(restart);
