// One run: it tells what happens, and may be ended and gone on with.
const main = document.querySelector("main");
const pause = 1200;
let isDue = false;

document.addEventListener("click", async (event) => {
  const pressed = event.target.closest("[data-deed]");
  if (!pressed) return;
  pressed.disabled = true;
  const place = document.querySelector(".fault");
  try {
    await asked(`${main.dataset.run}/${pressed.dataset.deed}`, {});
    if (!main.dataset.events || pressed.dataset.deed === "resume") return location.reload();
    showFault(place, null);
    await renewParts();
  } catch (error) {
    showFault(place, error);
    pressed.disabled = false;
  }
});

if (main.dataset.events) listen(new EventSource(main.dataset.events));

function listen(source) {
  let isOver = false;
  const hear = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  hear("progress", showProgress);
  hear("message", showMessage);
  for (const name of ["metric", "sample", "version", "grid", "generation"]) hear(name, due);
  hear("state", async (told) => {
    if (!told.is_final) return due();
    isOver = true; // the server closes the stream now, and `onerror` keeps it from being opened again
    await renewParts();
  });
  source.onerror = () => (isOver ? source.close() : due());
}

/** Fetch the parts anew, at most once in a while. */
function due() {
  if (isDue) return;
  isDue = true;
  setTimeout(async () => {
    isDue = false;
    await renewParts().catch(() => {});
  }, pause);
}

function showProgress(far) {
  const bar = document.querySelector("[data-bar]");
  if (!bar) return due();
  bar.max = far.total || 1;
  bar.value = far.done;
  document.querySelector("[data-far]").textContent = `${far.what} ${far.done} of ${far.total}`;
  document.querySelector("[data-loss]").textContent = far.loss === null ? "" : `loss ${far.loss.toFixed(4)}`;
  document.querySelector("[data-left]").textContent = far.remaining_s === null ? "" : `about ${spanned(far.remaining_s)} left`;
}

function spanned(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function showMessage({ text }) {
  const section = document.querySelector("[data-said]");
  section.hidden = false;
  section.querySelector("ol").append(made("li", {}, text));
}
