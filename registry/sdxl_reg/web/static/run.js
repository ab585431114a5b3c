// One run: it tells what happens.
const main = document.querySelector("main");
const pause = 1200;
let isDue = false;

document.addEventListener("deed", (event) => {
  if (!main.dataset.events || event.detail === "resume") return; // the page is loaded anew
  event.preventDefault();
  renewParts();
});

if (main.dataset.events) listen(new EventSource(main.dataset.events));

function listen(source) {
  let isOver = false;
  const hear = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  hear("progress", (far) => showProgress(far) || due());
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

function showMessage({ text }) {
  const section = document.querySelector("[data-said]");
  section.hidden = false;
  section.querySelector("ol").append(made("li", {}, text));
}
