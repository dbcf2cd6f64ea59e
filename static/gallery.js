// Lays pictures out in full rows, loads more on scrolling, and keeps only parts near the screen in the DOM.
// Selects pictures by shift and keyboard, and moves to a month by a scale. Without JavaScript the page has
// links, checkboxes and a list of months.
const rows = document.getElementById("rows");
const form = document.getElementById("chosen-form");
const bulk = document.getElementById("bulk");
const count = document.getElementById("bulk-count");
const months = document.getElementById("months");
const NEAR = 600; // px above and below the screen that stay in the DOM
const GAP = 6;
const chosen = new Set();
let last = null;

// ------------------------------------------------ rows
function fit(list) { // breaks the list into full rows of nearly equal height
  const items = [...list.children];
  const width = Math.floor(list.getBoundingClientRect().width); // clientWidth rounds up, and a row would break
  const wanted = parseFloat(getComputedStyle(list).getPropertyValue("--row"));
  const ratios = items.map((item) => Math.min(3, Math.max(0.4, Number(item.dataset.w) / Number(item.dataset.h))));
  const total = ratios.reduce((a, b) => a + b, 0);
  const share = total / Math.max(1, Math.round((total * wanted) / width));
  let row = [], sum = 0, gone = 0, full = 1;
  items.forEach((item, i) => {
    row.push(i);
    sum += ratios[i];
    gone += ratios[i];
    if (i < items.length - 1 && gone + (ratios[i + 1] ?? 0) / 2 < share * full) return;
    const height = Math.min(wanted * 1.75, (width - GAP * (row.length - 1)) / sum);
    for (const n of row) {
      items[n].style.width = `${Math.floor(ratios[n] * height * 100) / 100}px`;
      items[n].style.height = `${height}px`;
    }
    row = [];
    sum = 0;
    full += 1;
  });
  list.classList.add("fitted");
}

function prepare(part) {
  for (const item of part.querySelectorAll("li[data-blur]:not([data-blur=''])")) {
    const picture = item.querySelector("img");
    if (picture.complete) continue;
    item.style.backgroundImage = `url(data:image/webp;base64,${item.dataset.blur})`;
    picture.addEventListener("load", () => { item.style.backgroundImage = ""; }, { once: true });
  }
  part.querySelectorAll(".rows").forEach(fit);
  part.width = rows.clientWidth;
  part.lastDay = [...part.querySelectorAll(".day")].at(-1)?.dataset.day;
  near.observe(part);
  const link = part.querySelector("[data-next]");
  if (link) {
    part.reserve = Math.max(part.offsetHeight, innerHeight); // space reserved for the next part
    const place = link.closest(".more");
    place.style.height = `${part.reserve}px`;
    end.observe(place); // observes the whole space, because a jump may land below the link
  }
}

const asleep = new Map(); // part -> its nodes, while it is far from the screen
const near = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target, boundingClientRect }) => {
  if (isIntersecting && asleep.has(target)) {
    target.replaceChildren(...asleep.get(target));
    asleep.delete(target);
    target.style.height = "";
    if (target.width !== rows.clientWidth) { target.querySelectorAll(".rows").forEach(fit); target.width = rows.clientWidth; }
  } else if (!isIntersecting && !asleep.has(target) && !target.contains(document.activeElement)) {
    target.style.height = `${boundingClientRect.height}px`;
    asleep.set(target, [...target.childNodes]);
    target.replaceChildren();
  }
}), { rootMargin: `${NEAR}px 0px` });

const end = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (entry.isIntersecting) { end.unobserve(entry.target); more(entry.target, entry.target.querySelector("[data-next]")); }
}), { rootMargin: "2000px 0px" });

function goOn(before, part, head) { // continues a day: no second heading, and the last row is filled
  const list = head.nextElementSibling;
  const last = asleep.has(before) ? null : [...before.querySelectorAll(".rows")].at(-1);
  if (last) {
    last.append(...[...list.children].slice(0, list.children.length <= 12 ? 12 : 8));
    fit(last);
  }
  if (list.children.length) {
    head.classList.add("hidden");
    part.classList.add("goes-on");
  } else {
    head.remove();
    list.remove();
  }
}

async function more(place, link) {
  const answer = await fetch(link.dataset.next, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
  if (!answer?.ok) { // keeps the link and tries again
    setTimeout(() => end.observe(place), 3000);
    return;
  }
  const before = rows.lastElementChild;
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  const part = holder.querySelector(".part");
  const first = part.querySelector(".day");
  if (first?.dataset.day === before.lastDay) goOn(before, part, first);
  if (asleep.has(before)) {
    asleep.set(before, asleep.get(before).filter((node) => node !== place));
    before.style.height = `${parseFloat(before.style.height) - before.reserve}px`;
  }
  place.remove();
  before.after(part);
  part.address = link.href;
  prepare(part);
}

let width = rows.clientWidth;
new ResizeObserver(() => {
  if (rows.clientWidth === width) return;
  width = rows.clientWidth;
  rows.querySelectorAll(".rows").forEach(fit);
}).observe(rows);

// ------------------------------------------------ choosing
const boxes = () => [...rows.querySelectorAll(".part")].flatMap((part) =>
  (asleep.get(part) ?? [...part.childNodes]).flatMap((node) => [...(node.querySelectorAll?.(".mark") ?? [])]));

function told() {
  bulk.classList.toggle("on", chosen.size > 0);
  count.textContent = chosen.size === 1 ? count.dataset.one : count.dataset.many.replace("#", String(chosen.size));
}
function set(box, on) {
  box.checked = on;
  box.closest("li").classList.toggle("chosen", on);
  if (on) chosen.add(box.value); else chosen.delete(box.value);
}
function choose(box, on, range) {
  if (range && last) {
    const all = boxes();
    const [a, b] = [all.indexOf(last), all.indexOf(box)].sort((x, y) => x - y);
    all.slice(Math.max(0, a), b + 1).forEach((each) => set(each, on));
  } else set(box, on);
  last = box;
  told();
}
const beginning = location.href;
rows.addEventListener("click", (event) => { // so that the back button returns to this picture
  const item = event.target.closest("li:has(a)");
  if (!event.target.closest("a") || !item || event.ctrlKey || event.metaKey || event.shiftKey) return;
  history.replaceState({ item: item.querySelector(".mark").value }, "", item.closest(".part").address ?? beginning);
});
rows.addEventListener("click", (event) => {
  const box = event.target.closest(".mark");
  if (box) choose(box, box.checked, event.shiftKey);
});
rows.addEventListener("keydown", (event) => { // arrow keys move between pictures, X selects
  const item = event.target.closest("li");
  if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) {
    const all = [...rows.querySelectorAll(".rows > li")];
    const next = all[all.indexOf(item) + step];
    if (!next) return;
    event.preventDefault();
    next.querySelector("a").focus();
    if (event.shiftKey) { set(item.querySelector(".mark"), true); choose(next.querySelector(".mark"), true, false); }
  } else if (event.key.toLowerCase() === "x") {
    const box = item.querySelector(".mark");
    choose(box, !box.checked, event.shiftKey);
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !chosen.size) return;
  boxes().filter((box) => box.checked).forEach((box) => set(box, false));
  told();
});
form.addEventListener("formdata", (event) => { // includes chosen pictures that are not in the DOM
  event.formData.delete("id");
  chosen.forEach((id) => event.formData.append("id", id));
});
bulk.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sure]");
  const question = button && (chosen.size === 1 ? button.dataset.sureOne : button.dataset.sure.replace("#", String(chosen.size)));
  if (button && !confirm(question)) event.preventDefault();
});

// ------------------------------------------------ months
if (months) {
  const options = [...months.options].filter((option) => option.value);
  if (options.length > 1) {
    const scale = document.getElementById("scale");
    const [range, bubble] = [scale.querySelector("input"), scale.querySelector("output")];
    range.max = String(options.length - 1);
    const name = () => { bubble.textContent = options[Number(range.value)].text; range.setAttribute("aria-valuetext", bubble.textContent); };
    const here = () => {
      const day = [...rows.querySelectorAll(".day")].findLast((head) => head.getBoundingClientRect().top < 160) ?? rows.querySelector(".day");
      const found = options.findIndex((option) => option.dataset.month === day?.dataset.day.slice(0, 7));
      if (found >= 0 && document.activeElement !== range) { range.value = String(found); name(); }
    };
    range.addEventListener("input", name);
    const go = () => { months.value = options[Number(range.value)].value; months.form.requestSubmit(); };
    range.addEventListener("pointerup", go); // keys only move the scale; Enter opens the month
    range.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); go(); } });
    let soon = 0;
    addEventListener("scroll", () => { clearTimeout(soon); soon = setTimeout(here, 120); }, { passive: true });
    scale.hidden = false;
    here();
  }
}

rows.querySelectorAll(".part").forEach(prepare);
rows.querySelectorAll(".mark:checked").forEach((box) => set(box, true)); // boxes that the browser restored
told();
if (history.state?.item) {
  const box = rows.querySelector(`.mark[value="${CSS.escape(history.state.item)}"]`);
  if (box) { history.scrollRestoration = "manual"; box.closest("li").scrollIntoView({ block: "center" }); }
}
