// The form that trains: what is said goes to the API, and its faults stand beside their fields.
const form = document.getElementById("train");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const pressed = form.querySelector("button.first");
  pressed.disabled = true;
  clearFaults(form);
  try {
    const run = await asked("/api/v1/runs", wanted());
    location.assign(`/runs/${run.id}`);
  } catch (error) {
    tell(form, error);
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
