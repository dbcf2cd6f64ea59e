// Checks a file that is chosen, dropped or pasted, without leaving the page. Without JavaScript the form is sent
// and the answer comes as a new page.
const form = document.getElementById("verify-form");
const input = document.getElementById("file");
const drop = document.getElementById("verify-drop");
const preview = document.getElementById("verify-preview");
const clip = document.getElementById("verify-clip");
const found = document.getElementById("verify-found");
const button = form.querySelector("button");

function fits() { // told before it is sent
  const large = input.files[0]?.size > Number(input.dataset.most);
  input.setCustomValidity(large ? input.dataset.tooLarge : "");
  return input.reportValidity();
}

function show(file) { // what the browser cannot show stays hidden
  const box = file.type.startsWith("video/") ? clip : preview;
  for (const each of [preview, clip]) {
    URL.revokeObjectURL(each.src);
    each.hidden = true;
  }
  box.onload = box.onloadeddata = () => { box.hidden = false; };
  box.src = URL.createObjectURL(file);
}

function say(text, kind) {
  found.replaceChildren(Object.assign(document.createElement("p"), { className: kind, textContent: text }));
}

async function check() {
  if (!fits()) return;
  button.disabled = true;
  say(form.dataset.checking, "note");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = page.getElementById("verify-found");
    if (part) found.replaceChildren(...part.childNodes);
    else say(page.querySelector("h1")?.textContent ?? form.dataset.away, "note bad"); // a page that only says what is wrong
  } catch {
    say(form.dataset.away, "note bad");
  }
  button.disabled = false;
  found.scrollIntoView({ block: "nearest" }); // on a phone it is below the form
}

function take(files) {
  if (!files?.length) return;
  const one = new DataTransfer();
  one.items.add(files[0]);
  input.files = one.files;
  show(files[0]);
  check();
}

function chosen() {
  if (input.files[0]) show(input.files[0]);
  fits();
}

input.addEventListener("change", chosen);
if (input.files.length) chosen(); // before this script was loaded
form.addEventListener("submit", (event) => { event.preventDefault(); check(); });
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("is-over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("is-over"); take(event.dataTransfer.files); });
addEventListener("paste", (event) => take(event.clipboardData?.files));
