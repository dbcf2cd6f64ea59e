// Photos are sent one by one, three at a time; each has its tile and its verdict while the others are still on their way.
const form = document.getElementById("drop");
const list = document.getElementById("photos");
const said = document.getElementById("said");
const words = form.dataset;
const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
const AT_ONCE = 3;
const queue = [];
let active = 0;

const held = () => list.querySelectorAll(".accepted, .checking").length;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function add(files) {
  const room = Math.max(0, Number(words.most) - held());
  [...files].forEach((file, i) => {
    const tile = document.createElement("li");
    tile.className = "photo checking";
    const picture = document.createElement("img");
    picture.alt = file.name;
    picture.src = URL.createObjectURL(file);
    picture.onerror = () => picture.replaceWith(Object.assign(document.createElement("span"), { className: "blank" }));
    const text = document.createElement("p");
    tile.append(picture, text);
    list.append(tile);
    if (i >= room) return show(tile, "refused", file.name, words.left);
    text.textContent = words.sending;
    queue.push({ file, tile });
  });
  pump();
}

function show(tile, status, name, detail) {
  tile.className = `photo ${status}`;
  const text = tile.querySelector("p");
  const strong = document.createElement("b");
  strong.className = status === "accepted" ? "ok" : "wrong";
  strong.textContent = status === "accepted" ? words.good : name;
  text.replaceChildren(strong, status === "accepted" ? "" : ` ${detail || ""}`);
  said.textContent = `${name}: ${status === "accepted" ? words.good : detail || ""}`;
}

async function ask(url, options = {}) {
  // A connection that is gone comes back: nothing is lost, and the page says that it waits.
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await fetch(url, { ...options, headers: { "X-CSRFToken": token, Accept: "application/json" } });
      if (answer.status !== 503 && answer.status !== 429) return answer;
    } catch { /* no network */ }
    said.textContent = words.waiting;
    await wait(Math.min(8000, 500 * 2 ** tries));
  }
}

async function send({ file, tile }) {
  const body = new FormData();
  body.append("file", file);
  const answer = await ask(words.api, { method: "POST", body });
  let photo = await answer.json().catch(() => ({}));
  if (!answer.ok) return show(tile, "refused", file.name, photo.detail);
  tile.dataset.photo = photo.id;
  tile.querySelector("p").textContent = words.checking;
  for (let tries = 0; photo.status === "checking"; tries += 1) {
    await wait(tries < 10 ? 250 : 1000);
    const again = await ask(`${words.api}/${photo.id}`);
    if (!again.ok) return tile.remove(); // deleted in another window
    photo = await again.json();
  }
  show(tile, photo.status, file.name, photo.detail);
  dispatchEvent(new Event("part-changed"));
}

function pump() {
  while (active < AT_ONCE && queue.length) {
    active += 1;
    send(queue.shift()).finally(() => { active -= 1; pump(); });
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.querySelector("input[type=file]").addEventListener("change", (event) => { add(event.target.files); event.target.value = ""; });
form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => { event.preventDefault(); form.classList.remove("over"); add(event.dataTransfer.files); });
addEventListener("beforeunload", (event) => { if (active) event.preventDefault(); });

// What was still being checked when the page was opened.
for (const tile of list.querySelectorAll(".checking[data-photo]")) {
  (async () => {
    for (;;) {
      await wait(700);
      const answer = await ask(`${words.api}/${tile.dataset.photo}`);
      if (!answer.ok) return;
      const photo = await answer.json();
      if (photo.status === "checking") continue;
      show(tile, photo.status, photo.file_name, photo.detail);
      if (photo.status === "accepted") {
        tile.querySelector(".blank")?.replaceWith(Object.assign(new Image(), { src: `${words.api}/${photo.id}/thumbnail`, alt: photo.file_name }));
      }
      return dispatchEvent(new Event("part-changed"));
    }
  })();
}
