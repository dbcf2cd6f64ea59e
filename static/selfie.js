// The live selfie: a mirror, four lines to follow in the order that the server drew, and frames of each.
// Nothing is turned on before a button is pressed. The server judges; this page only takes and sends.
import { frameOf, turnOff, turnOn } from "./lens.js";

const box = document.getElementById("selfie");
const words = box?.dataset ?? {};
const [video, arrow, count, say, dots, go, done] = ["lens", "arrow", "count", "say", "dots", "go", "done"].map((id) => document.getElementById(id));
const token = box?.querySelector("[name=csrfmiddlewaretoken]").value;
const EVERY = 250; // ms between two frames
const TURN = { react: 1000, frames: 8 }; // ms between a line and its first frame, and how many there are
const BLINK = { react: 400, frames: 11 }; // people close their eyes at once, and only for a moment
const BACK = 1300; // ms to look straight again
const LONGEST = 640; // px of a frame's longer side
const wait = (ms) => new Promise((passed) => setTimeout(passed, ms));

// ------------------------------------------------ what is shown
function tell(text, look = "") {
  say.textContent = text;
  box.classList.toggle("bad", look === "bad");
  box.classList.toggle("good", look === "good");
}
function offer(text, act) {
  go.textContent = text;
  go.hidden = go.disabled = false; // disabled until this script is there to hear it
  go.onclick = () => { go.hidden = true; act(); };
}
function point(step) {
  arrow.hidden = !step;
  arrow.dataset.step = step || "";
}
function mark(number) {
  dots.hidden = number < 0;
  [...dots.children].forEach((dot, i) => { dot.className = i < number ? "done" : i === number ? "now" : ""; });
}

// ------------------------------------------------ the camera
async function open() {
  tell(words.camera);
  try {
    await turnOn(video, { width: { ideal: 960 }, height: { ideal: 720 } });
  } catch ({ reason }) {
    close();
    tell(words[reason], "bad");
    document.getElementById("phone")?.scrollIntoView({ block: "nearest" });
    return offer(words.again, open);
  }
  box.classList.add("on");
  tell(words.ready);
  offer(words.start, sit);
  go.focus({ preventScroll: true });
}
function close() {
  turnOff(video);
  box.classList.remove("on", "taking");
}
if (box) addEventListener("pagehide", close);
const frame = () => frameOf(video, LONGEST, 0.85);

// ------------------------------------------------ the sitting
async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { "X-CSRFToken": token, Accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || words.lost);
  return body;
}
async function sit() {
  try {
    const { challenge, ...state } = await ask(words.asks);
    if (!challenge) return await finish(state);
    await countdown();
    const form = new FormData();
    form.append("challenge", challenge.id);
    for (const [number, step] of challenge.steps.entries()) await take(form, number, step, challenge.sentences[number]);
    point("");
    mark(4);
    close();
    tell(words.sending);
    await finish(await ask(words.asks, { method: "POST", body: form }));
  } catch (error) {
    fail(error instanceof TypeError ? words.lost : error.message);
  }
}
async function countdown() {
  mark(0);
  tell(words.middle);
  count.hidden = false;
  for (const n of [3, 2, 1]) {
    count.textContent = n;
    await wait(800);
  }
  count.hidden = true;
}
async function take(form, number, step, sentence) {
  mark(number);
  point(step);
  tell(sentence);
  const { react, frames } = step === "blink" ? BLINK : TURN;
  await wait(react);
  box.classList.add("taking");
  for (let i = 0; i < frames; i += 1) {
    const next = performance.now() + EVERY;
    form.append(`movement_${number + 1}`, await frame(), `${i}.jpg`);
    await wait(Math.max(0, next - performance.now()));
  }
  box.classList.remove("taking");
  point("");
  mark(number + 1);
  tell(`${words.good}. ${words.middle}`);
  await wait(BACK);
}

// ------------------------------------------------ the result
async function finish(state) {
  while (state.status === "pending") {
    tell(words.checking);
    await wait(1000);
    state = await ask(words.state).catch((error) => ({ status: error instanceof TypeError ? "pending" : "lost", detail: error.message }));
  }
  if (state.status === "verified" || state.status === "review") return succeed(state.status);
  fail(state.detail || words.lost);
}
function succeed(status) {
  close();
  mark(-1);
  tell(words[status], "good");
  if (done) {
    done.hidden = false;
    done.focus();
  }
}
function fail(text) {
  close();
  point("");
  mark(-1);
  count.hidden = true;
  tell(text, "bad");
  offer(words.again, open);
  go.focus({ preventScroll: true });
}
async function elsewhere() { // the phone goes on: this page shows its result
  while (!video.srcObject && !box.matches(".good")) {
    await wait(2000);
    const state = await ask(words.state).catch(() => ({}));
    if (!video.srcObject && (state.status === "verified" || state.status === "review")) {
      go.hidden = true;
      return succeed(state.status);
    }
  }
}
if (box) {
  offer(go.textContent, open);
  if (words.status === "pending") {
    go.hidden = true;
    finish({ status: "pending" });
  }
  if (document.querySelector("#phone .qr")) elsewhere();
}
