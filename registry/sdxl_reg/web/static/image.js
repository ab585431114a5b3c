// The page of an image: its captions are written and its crop is chosen here, and taken back.
import { CropFrame } from "./crop.js";

const main = document.querySelector("main[data-image]");
const said = main.querySelector(".said");
const fault = main.querySelector(".columns .fault");
const frame = new CropFrame(document.getElementById("crop"), (box) => fill(box));
let edited = null; // the place whose crop is being chosen
showControls();

main.addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = event.target.closest(".place");
  if (event.target.matches("[data-caption]")) {
    await write(place, "caption", { text: event.target.elements.text.value });
  } else if (frame.box) await write(place, "crop", { crop: isWhole(frame.box) ? null : frame.box });
});

main.addEventListener("click", async (event) => {
  const place = event.target.closest(".place");
  const again = event.target.closest("[data-again]");
  if (again) await write(place, "caption", { caption: Number(again.dataset.again) });
  if (event.target.closest("[data-edit-crop]")) edit(place);
  if (event.target.closest("[data-cancel]")) close();
  if (event.target.closest("[data-whole]")) frame.show([0, 0, 1, 1]);
  if (event.target.closest("[data-square]")) frame.square();
  if (event.target.closest("[data-undo]")) await undo(event.target.closest("[data-undo]"));
});

main.addEventListener("input", (event) => {
  const form = event.target.closest("[data-crop-form]");
  if (!form) return;
  const { width, height } = frame.size;
  const at = (name, length) => form.elements[name].valueAsNumber / length;
  const box = [at("left", width), at("top", height), at("right", width), at("bottom", height)];
  if (box.every((edge) => edge >= 0 && edge <= 1) && box[0] < box[2] && box[1] < box[3]) frame.draw(box);
});

function edit(place) {
  close();
  edited = place;
  const form = place.querySelector("[data-crop-form]");
  form.hidden = false;
  const known = JSON.parse(place.querySelector("[data-crop]").dataset.crop);
  frame.start(known.length ? known : [0, 0, 1, 1]);
  form.elements.left.focus({ preventScroll: true });
  document.getElementById("crop").scrollIntoView({ block: "nearest" });
}

function close() {
  if (!edited) return;
  edited.querySelector("[data-crop-form]").hidden = true;
  const known = JSON.parse(edited.querySelector("[data-crop]").dataset.crop);
  edited = null;
  frame.stop(known.length ? known : null);
}

/** The numbers of the form, from the frame on the picture. */
function fill(box) {
  const form = edited?.querySelector("[data-crop-form]");
  if (!form) return;
  const { width, height } = frame.size;
  ["left", "top", "right", "bottom"].forEach((name, at) => {
    form.elements[name].value = Math.round(box[at] * (at % 2 ? height : width));
  });
}

function isWhole(box) {
  return box[0] <= 0 && box[1] <= 0 && box[2] >= 1 && box[3] >= 1;
}

async function write(place, what, body) {
  await tried(async () => {
    const report = await asked(`/api/v1/members/${place.dataset.member}/${what}`, body);
    close();
    await told(report, place.dataset.set);
  });
}

async function undo(button) {
  const set = button.dataset.set;
  await tried(async () => told(await asked(`/api/v1/image-sets/${encodeURIComponent(set)}/undo`, { change: Number(button.dataset.change) }), set));
}

async function tried(work) {
  try {
    showFault(fault, null);
    await work();
  } catch (error) {
    showFault(fault, error);
  }
}

/** Say what was done, offer to undo it, and show the places as they are now. */
async function told(report, set) {
  said.hidden = false;
  said.querySelector("[data-said]").textContent = report.summary;
  const button = said.querySelector("[data-undo]");
  button.hidden = !report.change || Boolean(report.change.undone_at);
  if (report.change) Object.assign(button.dataset, { change: report.change.id, set });
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  main.querySelector("[data-part=places]").replaceWith(document.adoptNode(page.querySelector("[data-part=places]")));
  const first = main.querySelector("[data-crop]");
  const known = first ? JSON.parse(first.dataset.crop) : [];
  frame.stop(known.length ? known : null);
  showControls();
}

function showControls() {
  for (const one of main.querySelectorAll("[data-caption], [data-again], [data-edit-crop]")) one.hidden = false;
}
