// The price on the button, and what the chosen engine can do. The page works without it.
import { headline, watch } from "./create.js";

const form = document.getElementById("clips-form");
const own = form.querySelector("[name=motion][value='']"); // a movement in words
const known = document.getElementById("clips-known"); // beside an engine that reads only the names of its own
const engines = JSON.parse(form.dataset.engines); // fitting, words: see generation/clips/views.py

const twin = () => form.querySelector("[name=twin]:checked")?.value ?? "";
const engine = () => form.elements.engine?.value || (engines.fitting[twin()] ?? [])[0];

function offerWords() {
  known.hidden = engines.words.includes(engine());
  form.elements.action.disabled = !own.checked; // what is hidden is not sent
}

own.addEventListener("change", () => form.elements.action.focus());
watch(form, engines, twin, () => {
  offerWords();
  return Number(form.querySelector("[name=duration]:checked").dataset.credits);
});
headline(form, document.getElementById("settings"), "photoflux-clips");
if (location.search) history.replaceState(null, "", location.pathname + (form.elements.reference ? `?reference=${form.elements.reference.value}` : ""));
