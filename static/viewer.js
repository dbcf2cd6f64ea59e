// Zooms and pans by wheel, pinch, keys and buttons. Arrow keys open the next or previous picture unless the
// picture is zoomed. F opens the full screen.
const stage = document.getElementById("stage");
const picture = document.getElementById("picture");
let scale = 1, x = 0, y = 0;
const fingers = new Map();

function draw() { picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`; stage.classList.toggle("zoomed", scale > 1); }
function zoom(factor, cx = 0, cy = 0) {
  const next = Math.min(8, Math.max(1, scale * factor));
  x = next === 1 ? 0 : cx - ((cx - x) * next) / scale;
  y = next === 1 ? 0 : cy - ((cy - y) * next) / scale;
  scale = next;
  draw();
}
function at(event) { const box = stage.getBoundingClientRect(); return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2]; }

stage.addEventListener("wheel", (event) => {
  if (scale === 1 && !event.ctrlKey && !stage.contains(document.activeElement)) return; // without focus on the picture, the wheel scrolls the page
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), ...at(event));
}, { passive: false });
const tools = document.getElementById("tools");
const full = () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen?.());
tools.hidden = false;
tools.addEventListener("click", (event) => {
  const tool = event.target.closest("button")?.dataset.tool;
  if (tool === "full") full();
  else if (tool) zoom(tool === "in" ? 1.5 : 1 / 1.5);
});
for (const part of [tools, document.getElementById("faces")]) {
  for (const kind of ["pointerdown", "dblclick"]) part?.addEventListener(kind, (event) => event.stopPropagation());
}
stage.addEventListener("dblclick", (event) => zoom(scale > 1 ? 1 / scale : 2.5, ...at(event)));
stage.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, event); stage.setPointerCapture(event.pointerId); });
stage.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  if (fingers.size === 2) {
    const other = [...fingers.values()].find((f) => f.pointerId !== event.pointerId);
    const far = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
    zoom(far(event) / Math.max(1, far(before)), ...at(event));
  } else if (scale > 1) {
    x += event.clientX - before.clientX;
    y += event.clientY - before.clientY;
    draw();
  }
  fingers.set(event.pointerId, event);
});
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !document.fullscreenElement) { // returns to the same place in the gallery
    if (history.length > 1 && document.referrer && new URL(document.referrer).pathname === "/gallery/") history.back();
    else location.href = "/gallery/";
  }
  if (!stage.contains(document.activeElement)) return; // the keys below need the focus on the picture
  if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") zoom(1 / scale);
  else if (event.key.toLowerCase() === "f") full();
  else if (scale > 1 && event.key.startsWith("Arrow")) {
    x += { ArrowLeft: 60, ArrowRight: -60 }[event.key] ?? 0;
    y += { ArrowUp: 60, ArrowDown: -60 }[event.key] ?? 0;
    event.preventDefault();
    draw();
  } else if (event.key === "ArrowLeft") document.querySelector("a[rel=prev]")?.click();
  else if (event.key === "ArrowRight") document.querySelector("a[rel=next]")?.click();
});
stage.focus({ preventScroll: true });
stage.classList.add("at-once"); // the ring of the focus comes with the first key
addEventListener("keydown", () => stage.classList.remove("at-once"), { once: true });
