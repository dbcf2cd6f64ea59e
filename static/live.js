// Refreshes parts of a page. [data-live="URL"] is fetched again while it holds an open run ([data-open]), and
// when a run changes (notices.js). When the server does not answer, the page says so and tries again.
const parts = [...document.querySelectorAll("[data-live]")];
const toasts = document.getElementById("toasts");
let away = 0;
let pressed = false; // no refresh between pointerdown and pointerup: it would lose the click
addEventListener("pointerdown", () => { pressed = true; });
addEventListener("pointerup", () => setTimeout(() => { pressed = false; }, 0));
addEventListener("pointercancel", () => { pressed = false; });

const CHOICES = ":is([type=radio], [type=checkbox])"; // what is chosen there stays chosen
const STOPS = `a, button, summary, ${CHOICES}`; // where the focus may stay

// A stop by what it belongs to and does, as its place changes when a result arrives before it.
function nameOf(stop) {
  const box = stop.closest("[data-item], [data-job], [data-photo]");
  const owner = box?.dataset.item ?? box?.dataset.job ?? box?.dataset.photo;
  return owner && [owner, stop.tagName, stop.dataset.act ?? stop.getAttribute("href") ?? stop.textContent.trim()].join(" ");
}
const named = (part, name) => [...part.querySelectorAll(STOPS)].find((stop) => nameOf(stop) === name);

// What the eye rests on: the first picture or job on the screen, and where it stands.
function seen(part) {
  const box = [...part.querySelectorAll("[data-item], [data-job]")].find((each) => each.getBoundingClientRect().top > 0);
  return box && scrollY > 0 ? { id: box.dataset.item ?? box.dataset.job, top: box.getBoundingClientRect().top } : null;
}
function stay(part, before) {
  const box = before && part.querySelector(`[data-item="${before.id}"], [data-job="${before.id}"]`);
  if (box) scrollBy({ top: box.getBoundingClientRect().top - before.top, behavior: "instant" });
}

// The HTML without the form tokens, which differ in every answer.
const plain = (part) => part.innerHTML.replace(/name="(csrfmiddlewaretoken|key)" value="[^"]*"/g, "").trim();

async function refresh(part) {
  const answer = await fetch(part.dataset.live, { headers: { "X-Requested-With": "fetch" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.reload(); // the session ended
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const text = plain(fresh);
  if (text === (part.lastText ?? plain(part))) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches(`textarea, select, input:not(${CHOICES})`) || pressed) return; // the user is typing or clicking here
  part.lastText = text;
  const open = [...part.querySelectorAll("details")].map((d) => d.open);
  const chosen = new Map([...part.querySelectorAll(CHOICES)].map((box) => [box.name + box.value, box.checked]));
  const place = focused ? [...part.querySelectorAll(STOPS)].indexOf(focused) : -1;
  const name = focused && nameOf(focused);
  const before = seen(part);
  const clips = new Map([...part.querySelectorAll("video")].map((clip) => [clip.getAttribute("src"), clip]));
  part.replaceChildren(fresh.content);
  part.querySelectorAll("video").forEach((clip) => clip.replaceWith(clips.get(clip.getAttribute("src")) ?? clip)); // they play on
  part.querySelectorAll(CHOICES).forEach((box) => { box.checked = chosen.get(box.name + box.value) ?? box.checked; });
  part.querySelectorAll("details").forEach((d, i) => { d.open = Boolean(open[i]); });
  if (place >= 0) (name ? named(part, name) : part.querySelectorAll(STOPS)[place])?.focus({ preventScroll: true });
  stay(part, before);
}

function tell() { // shows the notice after two failures, as one is no outage
  if (!toasts) return; // nobody is logged in
  const note = toasts.querySelector(".away");
  if (away > 1 && !note) toasts.append(Object.assign(document.createElement("div"), { className: "toast away", textContent: toasts.dataset.away }));
  if (!away) note?.remove();
}

async function round(force = false) {
  for (const part of parts) {
    if (!force && !away && !part.querySelector("[data-open]")) continue;
    try {
      await refresh(part);
      if (away) dispatchEvent(new Event("answered")); // resend.js sends what waits
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
