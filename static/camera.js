// Takes photos of oneself for a twin, with a hint on what to change while the camera is on. The hint is the
// server's verdict on a small frame, which it does not keep. Photos go the way of chosen files: through the
// field, to upload.js, which also keeps them while there is no connection.
import { frameOf, turnOff, turnOn } from "./lens.js";

const box = document.getElementById("camera-box");
const words = box.dataset;
const [open, video, hint, shoot, taken, close] = ["open", "lens", "hint", "shoot", "taken", "close"].map((name) => document.getElementById(`camera-${name}`));
const input = document.getElementById("camera");
const token = document.querySelector("#drop [name=csrfmiddlewaretoken]").value;
const EVERY = 1500; // ms between two hints: the server takes sixty a minute
const AGAIN = 3000; // ms, when it has none
const FRAME = 640, PHOTO = 2048; // px of the longer side
const LEAST = 512; // px of a photo's shorter side
let shots = 0;
let timer = 0;

function tell(text, look = "") {
  if (hint.textContent !== text) hint.textContent = text; // a screen reader says it once
  box.classList.toggle("is-good", look === "good");
  box.classList.toggle("is-bad", look === "bad");
}

async function ask() { // null: no hint now
  const form = new FormData();
  form.append("frame", await frameOf(video, FRAME, 0.85), "frame.jpg");
  form.append("width", Math.round(video.videoWidth * Math.min(1, PHOTO / Math.max(video.videoWidth, video.videoHeight))));
  const answer = await fetch(words.api, { method: "POST", body: form, headers: { "X-CSRFToken": token, Accept: "application/json" } }).catch(() => null);
  return answer?.ok ? answer.json() : null;
}
async function look() {
  if (!video.videoWidth) return plan(EVERY);
  const said = await ask();
  if (!box.open) return;
  if (said) tell(said.detail, said.code ? "bad" : "good");
  else tell(words.oval);
  plan(said ? EVERY : AGAIN);
}
function plan(ms) {
  clearTimeout(timer);
  timer = setTimeout(look, ms);
}

async function begin() {
  box.showModal();
  shoot.disabled = true;
  tell(words.camera);
  try {
    await turnOn(video, { width: { ideal: 1920 }, height: { ideal: 1440 } });
  } catch ({ reason }) {
    return tell(words[reason], "bad");
  }
  if (!box.open) return turnOff(video); // closed while the browser asked
  if (Math.min(video.videoWidth, video.videoHeight) < LEAST) return tell(words.small, "bad");
  tell(words.oval);
  shoot.disabled = false;
  shoot.focus();
  plan(300);
}
async function take() {
  shoot.disabled = true;
  const photo = await frameOf(video, PHOTO, 0.92);
  shoot.disabled = false;
  const files = new DataTransfer();
  files.items.add(new File([photo], `camera-${Date.now()}.jpg`, { type: "image/jpeg" }));
  input.files = files.files;
  input.dispatchEvent(new Event("change"));
  shots += 1;
  taken.textContent = shots === 1 ? words.takenOne : words.takenMany.replace("#", String(shots));
}
function end() {
  clearTimeout(timer);
  turnOff(video);
}

shoot.addEventListener("click", take);
close.addEventListener("click", () => box.close());
box.addEventListener("close", end);
addEventListener("pagehide", end);
open.addEventListener("click", begin);
if (navigator.mediaDevices) { // else the phone's own camera, through the field
  open.hidden = false;
  document.querySelector("label[for=camera]").hidden = input.hidden = true;
}
