// Parts of a page that change while one looks at them: [data-live="URL"] is fetched again while something in it is open
// ([data-open]), and whenever a run changed (notices.js). A server that is away is asked again, and the page says so.
const parts = [...document.querySelectorAll("[data-live]")];
const toasts = document.getElementById("toasts");
let away = 0;
let pressed = false; // between the two halves of a click nothing is exchanged
addEventListener("pointerdown", () => { pressed = true; });
addEventListener("pointerup", () => setTimeout(() => { pressed = false; }, 0));
addEventListener("pointercancel", () => { pressed = false; });

// What it says: the tokens of its forms are new in every answer.
const plain = (part) => part.innerHTML.replace(/name="(csrfmiddlewaretoken|key)" value="[^"]*"/g, "").trim();

async function refresh(part) {
  const answer = await fetch(part.dataset.live, { headers: { "X-Requested-With": "fetch" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.reload(); // logged out meanwhile
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const text = plain(fresh);
  if (text === (part.lastText ?? plain(part))) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches("textarea, select, input") || pressed) return; // never under somebody's hands
  part.lastText = text;
  const open = [...part.querySelectorAll("details")].map((d) => d.open);
  const place = focused ? [...part.querySelectorAll("a, button, summary")].indexOf(focused) : -1;
  part.replaceChildren(fresh.content);
  part.querySelectorAll("details").forEach((d, i) => { d.open = Boolean(open[i]); });
  if (place >= 0) part.querySelectorAll("a, button, summary")[place]?.focus({ preventScroll: true });
}

function tell() { // after the second try: one that fails is no outage
  const note = toasts.querySelector(".away");
  if (away > 1 && !note) toasts.append(Object.assign(document.createElement("div"), { className: "toast away", textContent: toasts.dataset.away }));
  if (!away) note?.remove();
}

async function round(force = false) {
  for (const part of parts) {
    if (!force && !away && !part.querySelector("[data-open]")) continue;
    try {
      await refresh(part);
      away = 0;
    } catch {
      away += 1;
    }
  }
  tell();
}

let timer = 0;
function plan() {
  clearTimeout(timer);
  timer = setTimeout(async () => { await round(); plan(); }, away ? Math.min(10000, 1000 * 2 ** away) : 1000);
}

let soon = 0;
addEventListener("run", () => { clearTimeout(soon); soon = setTimeout(() => round(true), 150); });
addEventListener("online", () => round(true));
addEventListener("part-changed", () => round(true));
plan();
