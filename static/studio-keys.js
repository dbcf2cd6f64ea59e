// Keys of the studio. Those on a picture work while it has the focus; the others can be turned off in the list
// that "?" opens. Marks favourites without leaving the page.
const jobs = document.getElementById("jobs");
const list = document.getElementById("keys");
const on = document.getElementById("keys-on");
const prompt = document.getElementById("prompt");
const OFF = "photoflux-keys-off";
on.checked = !localStorage.getItem(OFF);
on.addEventListener("change", () => (on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));

const pictures = () => [...jobs.querySelectorAll(".studio-picture > a")];
function show() { list.showModal(); list.querySelector("h2").focus(); }
for (const button of document.querySelectorAll("[data-keys]")) { button.hidden = false; button.addEventListener("click", show); }

function go(link) { link?.focus({ preventScroll: true }); link?.scrollIntoView({ block: "nearest" }); }
function beside(from, down) { // the picture in the row below or above whose middle is nearest
  const place = (link) => { const box = link.getBoundingClientRect(); return { x: box.left + box.width / 2, y: box.top + box.height / 2, high: box.height }; };
  const here = place(from);
  const far = (link) => { const there = place(link); return Math.abs(there.y - here.y) * 4 + Math.abs(there.x - here.x); };
  const others = pictures().filter((link) => (place(link).y - here.y) * down > here.high / 2);
  return others.sort((a, b) => far(a) - far(b))[0];
}
function step(from, by) {
  const all = pictures();
  return all[from ? all.indexOf(from) + by : 0];
}

const MOVES = { ArrowRight: (a) => step(a, 1), ArrowLeft: (a) => step(a, -1), ArrowDown: (a) => beside(a, 1), ArrowUp: (a) => beside(a, -1) };
function onPicture(event, box) {
  const link = box.querySelector("a");
  const move = MOVES[event.key];
  const act = box.querySelector(`[data-act="${CSS.escape(event.key.toLowerCase())}"]`);
  if (move && document.activeElement === link) go(move(link));
  else if (act) act.click();
  else return false;
  return true;
}
function anywhere(event, link) {
  if (!on.checked) return false;
  const does = {
    "?": show,
    "/": () => prompt?.focus(),
    ",": () => { const settings = document.getElementById("settings"); if (settings) settings.open = !settings.open; },
    j: () => go(step(link, 1)),
    k: () => go(step(link, -1)),
  }[event.key];
  does?.();
  return Boolean(does);
}
addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const box = event.target.closest(".studio-picture");
  if ((box && onPicture(event, box)) || anywhere(event, box?.querySelector("a"))) event.preventDefault();
});
prompt?.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.defaultPrevented) go(step(null)); });

jobs.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.later !== "favourite") return;
  event.preventDefault();
  const wanted = form.elements.favourite.value === "on";
  const answer = await fetch(form.dataset.api, {
    method: "PATCH",
    headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    body: JSON.stringify({ favourite: wanted }),
  }).catch(() => null);
  if (!answer?.ok) return form.submit(); // the page of the picture says what is wrong
  form.elements.favourite.value = wanted ? "off" : "on";
  form.querySelector("button").setAttribute("aria-pressed", String(wanted));
});
