// Plays clips that are in sight, over and over, unless their viewer asked for less motion or stopped them. Says so
// where the browser has no H.264. Without this script there are the browser's own controls.
const still = matchMedia("(prefers-reduced-motion: reduce)");
const H264 = 'video/mp4; codecs="avc1.64001f"';
const known = new WeakSet();

const seen = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
  if (!isIntersecting) {
    target.byScript = true;
    target.pause();
  } else if (!still.matches && !target.stopped) target.play().catch(() => {}); // refused to play by itself: the controls are there
}), { threshold: 0.5 });

function tellUnplayable(clip) {
  seen.unobserve(clip);
  clip.unplayable = true;
  clip.controls = false;
  clip.nextElementSibling.hidden = false;
}

function take(clip) {
  if (clip.unplayable) clip.nextElementSibling.hidden = false; // live.js replaced what is around it
  if (known.has(clip)) return;
  known.add(clip);
  if (!clip.canPlayType(H264)) return tellUnplayable(clip);
  clip.addEventListener("error", () => tellUnplayable(clip));
  clip.addEventListener("pause", () => { clip.stopped = !clip.byScript; clip.byScript = false; });
  clip.addEventListener("play", () => { clip.stopped = false; });
  seen.observe(clip);
}

const takeAll = () => document.querySelectorAll("[data-clip]").forEach(take);
takeAll();
const jobs = document.getElementById("jobs");
if (jobs) new MutationObserver(takeAll).observe(jobs, { childList: true });
