// The page without a connection: what waits to be sent, and the way back. The worker shows it in place of any
// page; by its own address it lists what waits.
import { onChange, remove, waiting } from "./outbox.js";

const part = (name) => document.getElementById(`offline-${name}`);
const words = part("waiting").dataset;
const again = part("again");
const AGAIN = 1500; // ms
let timer = 0;
const here = location.pathname === "/offline/";
const time = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
const element = (tag, facts, ...inside) => {
  const made = Object.assign(document.createElement(tag), facts);
  made.append(...inside);
  return made;
};

function line(row) {
  const drop = element("button", { type: "button", textContent: words.drop });
  drop.setAttribute("aria-label", `${words.drop}: ${row.words}`);
  drop.addEventListener("click", () => remove(row.id));
  const about = element("small", { textContent: `${words[row.kind]} · ${time.format(row.at)}` });
  return element("li", {}, element("span", { textContent: row.words }, about), drop);
}
async function list() {
  const rows = await waiting();
  part("rows").replaceChildren(...rows.map(line));
  part("none").hidden = rows.length > 0;
  part("some").hidden = !rows.length;
}
async function photos() { // of upload.js, which sends them on the page of their twin
  const named = (await indexedDB.databases?.()) ?? [];
  if (!named.some(({ name }) => name === "photoflux")) return;
  const asked = indexedDB.open("photoflux");
  asked.onsuccess = () => {
    const count = asked.result.transaction("photos").objectStore("photos").count();
    count.onsuccess = () => {
      asked.result.close();
      part("photos").hidden = !count.result;
      part("photos").textContent = count.result === 1 ? words.photo : words.photos.replace("#", String(count.result));
    };
  };
}
async function look() {
  clearTimeout(timer);
  const answer = await fetch("/healthz", { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return wait();
  if (!here) return location.reload();
  part("title").textContent = part("title").dataset.back;
  part("cannot").hidden = true;
  again.textContent = again.dataset.on;
}

function wait() { // where there is a network, the server alone is away: no event tells when it is back
  if (navigator.onLine) timer = setTimeout(look, AGAIN);
}

if (!here) again.href = location.href;
onChange(list);
addEventListener("online", look);
list();
photos();
if (here) look(); // by its own address the page opens with a connection too
else wait();
