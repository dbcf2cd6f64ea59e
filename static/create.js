// What the forms of studio and clips share: the engines that fit the twin, the price on the button, and settings that
// fold.

// `chosen` is the id of the chosen twin, `cost` adapts the form to its engine and returns the credits.
export function watch(form, engines, chosen, cost) {
  const create = document.getElementById("create");
  const lacks = document.getElementById("lacks");
  const jobs = document.getElementById("jobs");
  const picks = [...form.querySelectorAll("#engines [name=engine]")];
  let available = 0;

  function fit() { // the engines that can show the chosen twin; one alone needs no choice
    const able = engines.fitting[chosen()] ?? [];
    for (const pick of picks) pick.closest(".pick-one").classList.toggle("unfit", !able.includes(pick.value));
    form.querySelector("#engines")?.classList.toggle("alone", able.length < 2);
    if (able.length && !picks.some((pick) => pick.checked && able.includes(pick.value))) {
      const usual = picks.find((pick) => pick.value === able[0]);
      if (usual) usual.checked = true;
    }
  }

  function price() {
    fit();
    const n = cost();
    create.textContent = n === 0 ? create.dataset.free : n === 1 ? create.dataset.one : create.dataset.many.replace("#", String(n));
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
}

function textOf(field) { // of what is chosen: its short name, or else its label
  const chosen = field instanceof RadioNodeList ? [...field].find((each) => each.checked) : field?.selectedOptions?.[0];
  if (!chosen?.labels) return chosen?.textContent.trim(); // an option
  return chosen.dataset.name ?? (chosen.nextElementSibling?.nextElementSibling ?? chosen.parentElement).textContent.trim();
}

// The headline of the settings says what is chosen; the browser remembers under `key` whether they are folded.
export function headline(form, settings, key) {
  if (localStorage.getItem(key)) settings.open = localStorage.getItem(key) === "open";
  settings.addEventListener("toggle", () => localStorage.setItem(key, settings.open ? "open" : "folded"));
  function say() {
    for (const place of settings.querySelectorAll("[data-said]")) {
      const text = textOf(form.elements[place.dataset.said]);
      if (text) place.textContent = text;
    }
  }
  form.addEventListener("change", () => setTimeout(say, 0)); // after studio.js has named the qualities
  say();
}
