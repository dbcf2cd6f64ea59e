// The price on the button, and what the chosen engine can do. The page works without it.
const form = document.getElementById("clips-form");
const create = document.getElementById("create");
const lacks = document.getElementById("lacks");
const jobs = document.getElementById("jobs");
const own = document.getElementById("clips-own"); // a movement in words
const engines = JSON.parse(form.dataset.engines); // fitting, words: see generation/clips/views.py
const picks = [...form.querySelectorAll("#engines [name=engine]")];
let available = 0;

const twin = () => form.querySelector("[name=twin]:checked")?.value ?? "";
const engine = () => form.elements.engine?.value || (engines.fitting[twin()] ?? [])[0];

function fit() {
  const able = engines.fitting[twin()] ?? [];
  for (const pick of picks) pick.closest(".pick-one").classList.toggle("unfit", !able.includes(pick.value));
  form.querySelector("#engines")?.classList.toggle("alone", able.length < 2);
  if (able.length && !picks.some((pick) => pick.checked && able.includes(pick.value))) {
    const usual = picks.find((pick) => pick.value === able[0]);
    if (usual) usual.checked = true;
  }
  if (!own) return;
  own.hidden = !engines.words.includes(engine());
  if (own.hidden && own.querySelector("input").checked) form.querySelector("[name=motion]").checked = true;
  form.elements.action.disabled = !own.querySelector("input").checked; // what is hidden is not sent
}

function price() {
  fit();
  const n = Number(form.querySelector("[name=duration]:checked").dataset.credits);
  create.textContent = n === 1 ? create.dataset.one : create.dataset.many.replace("#", String(n));
  create.hidden = n > available; // then the way to more credits takes its place
  lacks.hidden = !create.hidden;
  const words = lacks.querySelector("[data-text]");
  if (available) words.textContent = words.dataset.text.replace("#", String(n)).replace("@", String(available));
}

function balance() { // what an ended job gives back makes the button possible again
  const now = jobs.querySelector("[data-available]");
  available = Number(now.dataset.available);
  document.getElementById("balance").textContent = now.dataset.words;
  price();
}

new MutationObserver(balance).observe(jobs, { childList: true });
form.addEventListener("change", price);
form.addEventListener("submit", () => setTimeout(() => { create.disabled = true; }, 0)); // ignores the second click of a double click
addEventListener("pageshow", () => { // a page restored by the back button sends a new request, with a new key
  create.disabled = false;
  form.elements.key.value = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
});
balance();
if (location.search) history.replaceState(null, "", location.pathname + (form.elements.reference ? `?reference=${form.elements.reference.value}` : ""));
