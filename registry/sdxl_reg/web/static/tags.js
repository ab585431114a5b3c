// The tree of tags: a preview says what a change would come to, then it is made; and taken back.
const place = document.getElementById("tags");
const { set, tag, here } = place.dataset;
const api = `/api/v1/image-sets/${encodeURIComponent(set)}`;
const told = place.querySelector("[data-told]");
const rest = place.querySelector("[data-rest]");
const undo = place.querySelector("[data-undo]");
if (undo) undo.hidden = false;

place.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const isDry = event.submitter?.value === "preview";
  const to = form.elements.to?.value.trim().replace(/^\/+|\/+$/g, "") ?? "";
  await busy(async () => {
    const report = await asked(`${api}/tags/tree`, { ...bodyOf(form.dataset.do, to), dry_run: isDry });
    if (isDry || !report.change) tell(report, isDry);
    else location.assign(`${here}?tag=${encodeURIComponent(after(form.dataset.do, to))}`);
  });
});

undo?.addEventListener("click", () => busy(async () => {
  await asked(`${api}/undo`, { of: "tags" });
  location.assign(here);
}));

function bodyOf(what, to) {
  if (what === "add") return { do: what, tag: tag ? `${tag}/${to}` : to };
  return what === "remove" ? { do: what, tag } : { do: what, tag, to };
}

/** Where the tag is after a change, or what is nearest to it. */
function after(what, to) {
  const at = tag.lastIndexOf("/");
  const above = at < 0 ? "" : tag.slice(0, at);
  const join = (...parts) => parts.filter(Boolean).join("/");
  if (what === "add") return join(tag, to);
  if (what === "rename") return join(above, to);
  if (what === "move") return join(to, tag.slice(at + 1));
  return what === "merge" ? to : above;
}

function tell(report, isDry) {
  const others = report.elsewhere.map((one) => `${one.members.toLocaleString("en")} of ${one.image_set}`).join(", ");
  const lines = [isDry ? `Preview: ${report.summary}` : report.summary];
  if (isDry) lines.push(others ? `Also concerns ${others}. Nothing is changed yet.` : "Nothing is changed yet.");
  told.replaceChildren(...lines.map((line) => made("p", {}, line)));
  told.hidden = false;
  told.scrollIntoView({ block: "nearest" });
}

async function busy(work) {
  const buttons = [...place.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  told.hidden = true;
  showFault(rest, null);
  try {
    await work();
  } catch (error) {
    showFault(rest, error);
    rest.scrollIntoView({ block: "nearest" });
  }
  for (const button of buttons) button.disabled = false;
}
