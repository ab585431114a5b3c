// The page of the storage: checks, and collections after one has seen how much would go.
const main = () => document.querySelector("main");

showButtons();
new MutationObserver(showButtons).observe(main(), { childList: true, subtree: true }); // parts of it are renewed

/** They only work with this script. */
function showButtons() {
  for (const button of document.querySelectorAll("[data-collect], [data-check]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const collect = event.target.closest("[data-collect]");
  const check = event.target.closest("[data-check]");
  if (collect) busy(collect, removeGarbage);
  if (check) busy(check, () => look(check.dataset.check === "deep"));
});

async function removeGarbage() {
  const { found } = await asked("/api/v1/storage/collect", { dry_run: true });
  if (!found.blobs) return say("Nothing is garbage.");
  const heading = `Remove ${blobs(found)}?`;
  if (!(await isSure(heading, "Nothing in the registry needs them, and they do not come back.", "Remove"))) return;
  const { removed } = await asked("/api/v1/storage/collect", { dry_run: false });
  await renewParts();
  say(`${blobs(removed)} were removed.`);
}

async function look(deep) {
  const size = main().querySelector("[data-blobs]").dataset.blobs;
  if (deep && !(await isSure(`Read all ${size}?`, "It goes on in the background, and may take long where there is much.", "Read"))) return;
  await asked("/api/v1/storage/check", { deep });
  location.reload();
}

/** Ask, and wait for the answer; Escape and Cancel are no. */
function isSure(heading, words, verb) {
  const dialog = document.getElementById("sure");
  dialog.querySelector("h2").textContent = heading;
  dialog.querySelector("[data-what]").textContent = words;
  dialog.querySelector("[data-yes]").textContent = verb;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}

async function busy(button, work) {
  const place = main().querySelector("[data-fault]");
  button.disabled = true;
  showFault(place, null);
  try {
    await work();
  } catch (error) {
    showFault(place, error);
  }
  button.disabled = false;
}

function say(words) {
  const place = main().querySelector("[data-said]");
  place.replaceChildren(made("p", {}, words));
  place.hidden = false;
}

function blobs({ blobs: count, bytes }) {
  return `${count.toLocaleString("en")} blob${count === 1 ? "" : "s"}, ${sized(bytes)}`;
}

/** Bytes as the pages write them: 3.4 MB. */
function sized(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return power ? `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}` : `${bytes} bytes`;
}
