// Sends what waits in the outbox once the server answers again, one by one and in one tab alone. What the server
// refuses is shown and dropped. When the session has ended, all waits until its person has logged in again.
import { onChange, remove, waiting } from "./outbox.js";

const box = document.getElementById("toasts");
const words = box.dataset;
const KEPT = 6 * 86400 * 1000; // ms: the server forgets a key after seven days, and would do it a second time
const LONGEST = 60000; // ms between two tries
const PATIENCE = 30000; // ms
let timer = 0;
let tries = 0;

// ------------------------------------------------ what is shown
const element = (tag, facts) => Object.assign(document.createElement(tag), facts);

function toast(kind, ...parts) {
  const note = element("div", { className: `toast outbox outbox-${kind}` });
  const close = element("button", { type: "button", textContent: "×" });
  close.setAttribute("aria-label", words.close);
  close.addEventListener("click", () => note.remove());
  note.append(...parts, close);
  box.append(note);
}
function tell(kind, row, text) {
  const name = row.words ? `“${row.words}”: ` : "";
  toast(kind, element("span", { textContent: name + text }));
}
async function count() {
  const n = (await waiting()).filter((row) => row.user === words.user).length;
  box.querySelector(".outbox-waits")?.remove();
  (n ? navigator.setAppBadge?.(n) : navigator.clearAppBadge?.())?.catch(() => {});
  if (!n) return box.querySelector(".outbox-login")?.remove();
  const text = n === 1 ? words.waitsOne : words.waitsMany.replace("#", String(n));
  toast("waits", element("span", { textContent: text }), element("a", { href: words.waits, textContent: words.show }));
}
function askForLogin() {
  if (box.querySelector(".outbox-login")) return;
  const next = encodeURIComponent(location.pathname + location.search);
  toast("login", element("a", { href: `${words.login}?next=${next}`, textContent: words.loginFirst }));
}

// ------------------------------------------------ sending
const PASSING = [408, 425, 429];

async function send(row) { // "" when it is settled, else what to wait for
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token, "Idempotency-Key": row.key };
  const signal = AbortSignal.timeout(PATIENCE); // other tabs wait for this one
  const answer = await fetch(row.url, { method: row.method, headers, body: JSON.stringify(row.body), signal }).catch(() => null);
  if (!answer || answer.status >= 500 || PASSING.includes(answer.status)) return "connection";
  const said = await answer.json().catch(() => ({}));
  if (said.code === "not_authenticated") return "login";
  await remove(row.id);
  tell(answer.ok ? "sent" : "bad", row, answer.ok ? words.sent : said.detail || words.lost);
  return "";
}

async function sendAll() {
  let lacks = "";
  for (const row of await waiting()) {
    if (row.user !== words.user) await remove(row.id); // of somebody who was logged in here before
    else if (Date.now() - row.at > KEPT) {
      await remove(row.id);
      tell("bad", row, words.old);
    } else if (!lacks) lacks = await send(row);
  }
  return lacks;
}

async function replay() {
  clearTimeout(timer);
  timer = 0;
  if (!(await waiting()).length) return;
  // One tab after the other: the next one reads anew what waits, and may be logged in where this one is not.
  // Without locks two tabs may send it, and the key still makes it one.
  const lacks = await (navigator.locks ? navigator.locks.request("photoflux-outbox", sendAll) : sendAll());
  if (lacks === "login") return askForLogin();
  tries = lacks ? tries + 1 : 0;
  if (lacks) timer = setTimeout(replay, Math.min(LONGEST, 2000 * 2 ** tries));
  else dispatchEvent(new Event("part-changed"));
}

onChange(count);
addEventListener("outbox", () => { timer ||= setTimeout(replay, 5000); });
for (const back of ["online", "answered"]) addEventListener(back, () => { tries = 0; replay(); });
addEventListener("pageshow", replay);
count();
