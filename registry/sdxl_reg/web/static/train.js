// The form that trains: what is said goes to the API, and its faults stand beside their fields.
const form = document.getElementById("train");
const rest = form.querySelector("[data-rest]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const pressed = form.querySelector("button.first");
  pressed.disabled = true;
  clearFaults();
  try {
    const run = await asked("/api/v1/runs", wanted());
    location.assign(`/runs/${run.id}`);
  } catch (error) {
    tell(error);
    pressed.disabled = false;
  }
});

/** What the form says; fields that are empty are left to their defaults. */
function wanted() {
  const body = { trainer: form.dataset.trainer, dataset: form.dataset.dataset, settings: {} };
  for (const field of form.elements) {
    const value = field.name ? field.value.trim() : "";
    if (value === "") continue;
    if ("own" in field.dataset) body[field.name] = value;
    else body.settings[field.name] = plain(field.dataset.kind, value);
  }
  return body;
}

/** A number where one is meant; what is none is sent as it stands, for the trainer to refuse. */
function plain(kind, value) {
  if (kind === "switch") return value === "true";
  const isNumber = (kind === "number" || kind === "whole") && Number.isFinite(Number(value));
  return isNumber ? Number(value) : value;
}

function clearFaults() {
  showFault(rest, null);
  for (const place of form.querySelectorAll("[data-fault]")) showFault(place, null);
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

function tell(error) {
  const left = error.faults?.filter((fault) => !tellBeside(fault)) ?? [];
  if (!error.faults?.length || left.length) showFault(rest, left.length ? { faults: left } : error);
  const first = form.querySelector("[aria-invalid]");
  (first ?? rest).scrollIntoView({ block: "center" });
  first?.focus({ preventScroll: true });
}

/** Put a fault beside its field, and open what hides it; whether there is such a field. */
function tellBeside({ field, fault }) {
  const name = field.replace(/^body\./, "");
  const place = [...form.querySelectorAll("[data-fault]")].find((one) => name === one.dataset.fault || name.startsWith(`${one.dataset.fault}.`));
  if (!place) return false;
  place.textContent = fault;
  place.hidden = false;
  place.parentElement.querySelector("input, select, textarea").setAttribute("aria-invalid", "true");
  const hiding = place.closest("details");
  if (hiding) hiding.open = true;
  return true;
}
