// Uploads the photos, three at a time, and shows each one's verdict as soon as it is checked.
// IndexedDB keeps photos that are not sent yet, so a reload or a lost connection loses nothing.
import { upload } from "./tus.js";

const form = document.getElementById("drop");
const list = document.getElementById("photos");
const said = document.getElementById("said");
const words = form.dataset;
const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
const AT_ONCE = 3;
const KEPT = 24 * 3600 * 1000; // ms that IndexedDB keeps a photo
const queue = [];
let active = 0;

const held = () => list.querySelectorAll(".accepted, .checking").length;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// ------------------------------------------------ kept in the browser
const opened = new Promise((done) => {
  const asked = indexedDB.open("photoflux", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("photos", { autoIncrement: true });
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => done(null); // a private window may have no IndexedDB
});
async function kept(act, mode = "readwrite") {
  const base = await opened;
  if (!base) return null;
  return new Promise((done) => {
    const asked = act(base.transaction("photos", mode).objectStore("photos"));
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => done(null);
  });
}
const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
const keep = (file, key) => kept((photos) => photos.add({ api: words.api, file, key, at: Date.now() }));
// A tab holds a photo's lock until it has sent it. So a second tab, which finds the photo in IndexedDB, does
// not send it too. Answers a release function, or null when another tab has the lock.
const hold = (id) => new Promise((got) => {
  if (id == null || !navigator.locks) return got(() => {});
  navigator.locks.request(`photoflux-photo-${id}`, { ifAvailable: true }, (lock) => new Promise((release) => {
    got(lock ? release : null);
    if (!lock) release();
  }));
});
const forget = (id) => (id == null ? null : kept((photos) => photos.delete(id)));
async function resume() {
  for (const id of (await kept((photos) => photos.getAllKeys(), "readonly")) ?? []) {
    const row = await kept((photos) => photos.get(id), "readonly");
    if (row && Date.now() - row.at > KEPT) await forget(id);
    else if (row?.api === words.api) await line(row.file, row.key, id);
  }
}

// ------------------------------------------------ tiles
function tile(name, source) {
  const made = Object.assign(document.createElement("li"), { className: "photo checking" });
  const picture = Object.assign(document.createElement("img"), { alt: name });
  picture.onerror = () => {
    picture.replaceWith(Object.assign(document.createElement("span"), { className: "blank" }));
    shrink(made);
  };
  if (source) picture.src = source;
  made.append(source ? picture : Object.assign(document.createElement("span"), { className: "blank" }), document.createElement("p"));
  list.insertBefore(made, list.querySelector(".gone"));
  return made;
}

function shrink(made) { // a refused photo that cannot be shown is one line at the end: its bytes are deleted
  if (!made.matches(".refused") || made.querySelector("img")) return;
  made.querySelector(".blank")?.remove();
  made.classList.add("gone");
  list.append(made);
}

// Where the help explains a refusal.
function helps(name, code) {
  const link = Object.assign(document.createElement("a"), { className: "link small", href: `${words.help}#${code}`, target: "_blank", textContent: words.helps });
  link.append(Object.assign(document.createElement("span"), { className: "hidden", textContent: `: ${name}` }));
  return link;
}

function show(made, status, name, detail, kind, code) {
  made.className = `photo ${status}`;
  shrink(made);
  const strong = Object.assign(document.createElement("b"), { className: status === "accepted" ? "ok" : "wrong" });
  strong.textContent = status === "accepted" ? words.good : name;
  const what = Object.assign(document.createElement("span"), { className: "quiet", textContent: words[kind] ? `· ${words[kind]}` : "" });
  const hint = Object.assign(document.createElement("span"), { className: "hint", textContent: detail || "" });
  made.querySelector("p").replaceChildren(strong, " ", ...(status === "accepted" ? [what, " ", hint] : [detail || "", ...(code ? [" ", helps(name, code)] : [])]));
  said.textContent = `${name}: ${status === "accepted" ? `${words.good} ` : ""}${detail || ""}`.trim();
  if (!made.querySelector(".remove")) removable(made, name);
}

function removable(made, name) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "remove", textContent: "×" });
  button.setAttribute("aria-label", `${words.remove} ${name}`);
  button.addEventListener("click", async () => {
    if (made.dataset.photo) await ask(`${words.api}/${made.dataset.photo}`, { method: "DELETE" });
    (made.nextElementSibling ?? made.previousElementSibling)?.querySelector(".remove")?.focus();
    made.remove();
    dispatchEvent(new Event("part-changed"));
  });
  made.append(button);
}

// ------------------------------------------------ sending
async function add(files, folders = []) {
  const room = Math.max(0, Number(words.most) - held());
  folders.forEach((name) => show(tile(name, ""), "refused", name, words.folder));
  for (const [i, file] of [...files].entries()) {
    if (i >= room) show(tile(file.name, URL.createObjectURL(file)), "refused", file.name, words.left);
    else {
      const key = random(); // idempotency key: a photo sent again after a lost answer stays one photo
      await line(file, key, await keep(file, key));
    }
  }
}

async function line(file, key, id) {
  const release = await hold(id);
  if (!release) return; // another tab sends it
  const made = tile(file.name, URL.createObjectURL(file));
  made.querySelector("p").textContent = words.sending;
  queue.push({ file, key, id, made, release });
  pump();
}

async function ask(url, options = {}) {
  // Retries until the server answers. Meanwhile the page says that it waits.
  for (let tries = 0; ; tries += 1) {
    try {
      const how = typeof options === "function" ? await options(tries) : options;
      const answer = await fetch(url, { ...how, headers: { "X-CSRFToken": token, Accept: "application/json", ...how.headers } });
      if (answer.status < 500 && answer.status !== 429 && answer.status !== 408) return answer;
    } catch { /* no network */ }
    said.textContent = words.waiting;
    await wait(Math.min(8000, 500 * 2 ** tries));
  }
}

async function send({ file, key, id, made, release }) {
  const told = (share) => { made.querySelector("p").textContent = `${words.sending} ${Math.round(share * 100)} %`; };
  const { status, said: photo } = await upload(words.uploads, file, key, ask, told);
  if (status === 401 || status === 403) return location.reload(); // the session changed; IndexedDB keeps the photo
  await forget(id);
  release();
  if (status !== 201) return show(made, "refused", file.name, photo.detail);
  if (list.querySelector(`[data-photo="${photo.id}"]`)) return made.remove(); // an earlier request stored it, but its answer was lost
  made.dataset.photo = photo.id;
  made.querySelector("p").textContent = words.checking;
  await verdict(made, file.name);
}

function keptCopy(made, photo, name) { // shows what is kept: a photo on its side was turned
  const copy = Object.assign(new Image(), { src: `${words.api}/${photo.id}/thumbnail`, alt: name });
  copy.decode().then(() => made.querySelector(".blank, img")?.replaceWith(copy)).catch(() => {});
}

async function verdict(made, name) {
  for (let tries = 0; ; tries += 1) {
    if (tries) await wait(tries < 10 ? 250 : 1000);
    const answer = await ask(`${words.api}/${made.dataset.photo}`);
    if (!answer.ok) return made.remove(); // deleted in another window
    const photo = await answer.json();
    if (photo.status === "checking") continue;
    show(made, photo.status, name, photo.detail, photo.kind, photo.code);
    if (photo.status === "accepted") keptCopy(made, photo, name);
    return dispatchEvent(new Event("part-changed"));
  }
}

function pump() {
  while (active < AT_ONCE && queue.length) {
    active += 1;
    send(queue.shift()).finally(() => { active -= 1; pump(); if (!active) others(); });
  }
}

// ------------------------------------------------ choosing
function dropped(items) { // folders cannot be uploaded, so only their names are listed
  const files = [], folders = [];
  for (const item of items) {
    const entry = item.webkitGetAsEntry?.();
    if (entry?.isDirectory) folders.push(entry.name);
    else if (item.kind === "file") files.push(item.getAsFile());
  }
  return [files, folders];
}
function take(input) { add([...input.files]); input.value = ""; }
form.addEventListener("submit", (event) => event.preventDefault());
for (const input of form.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => take(input));
}
form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => { event.preventDefault(); form.classList.remove("over"); add(...dropped(event.dataTransfer.items)); });

let soon = 0;
addEventListener("run", ({ detail }) => { if (detail.kind === "photo") { clearTimeout(soon); soon = setTimeout(others, 300); } });
async function others() { // adds photos uploaded in another tab or device
  if (active) return;
  const answer = await ask(`${words.api}?limit=100`);
  if (!answer.ok || active) return;
  const known = new Set([...list.querySelectorAll("[data-photo]")].map((made) => made.dataset.photo));
  const sent = (await answer.json()).results.filter((photo) => !known.has(photo.id));
  if (active) return;
  for (const photo of sent) {
    const made = tile(photo.file_name, "");
    made.dataset.photo = photo.id;
    verdict(made, photo.file_name);
  }
}
for (const made of list.querySelectorAll("[data-photo]")) {
  made.querySelector("form")?.remove(); // removable() adds the button that replaces this form
  removable(made, made.dataset.name);
  if (made.matches(".checking")) verdict(made, made.dataset.name);
}
resume();
for (const input of form.querySelectorAll("input[type=file]")) if (input.files.length) take(input); // chosen before this script was loaded
