// What the pages' scripts share: how they ask and tell the API, and how they show its problems.

/** The answer to a request; its problem is thrown as an error with the faults of all fields. */
async function asked(address, body, method = "POST") {
  const word = document.querySelector('meta[name="csrf-token"]')?.content;
  const headers = { "Content-Type": "application/json", ...(word && { "X-CSRF-Token": word }) };
  const options = body === undefined ? {} : { method, body: JSON.stringify(body), headers };
  const answer = await fetch(address, options);
  const said = await answer.json();
  if (answer.ok) return said;
  const error = new Error([said.detail, said.remedy].filter(Boolean).join(". "));
  error.faults = said.errors ?? [];
  throw error;
}

/** Show what went wrong where the page has a place for it; nothing hides it again. */
function showFault(place, error) {
  place.hidden = !error;
  if (!error) return place.replaceChildren();
  const lines = error.faults?.length ? error.faults.map((one) => `${one.field.replace(/^body\./, "").replaceAll("_", " ")}: ${one.fault}`) : [error.message];
  place.replaceChildren(...lines.map((line) => made("p", {}, line)));
}

/** An element; text only ever becomes a text node. */
function made(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Buttons that copy the text of the element they name. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copies]");
  if (button) copyFrom(document.getElementById(button.dataset.copies), button);
});

/** Copy the text of an element, and say so on the button. */
async function copyFrom(source, button) {
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    getSelection().selectAllChildren(source);
    document.execCommand("copy");
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1200);
}
