// The gallery of a set: selecting pictures, changing many at once, taking it back, endless pages.
import { Selection } from "./selection.js";
import { examples } from "./diff.js";

const main = document.querySelector("main[data-set]");
const home = `/api/v1/image-sets/${encodeURIComponent(main.dataset.set)}`;
const bulk = main.querySelector(".bulk");
const said = main.querySelector(".said");
const fault = main.querySelector("section > .fault");
const preview = bulk.querySelector("[data-preview]");
const list = () => document.getElementById("pictures");
const pageFull = 500;
let knowsTags = false;

const selection = list() && new Selection(list(), showChosen);
main.querySelector(".keys").hidden = !selection;
for (const button of main.querySelectorAll("[data-undo-last]")) button.hidden = false;
watchForMore();

function showChosen(now) {
  bulk.hidden = !now.count;
  const count = now.count.toLocaleString("en");
  bulk.querySelector("[data-chosen]").textContent = `${count} selected`;
  const total = Number(now.list.dataset.total);
  const all = bulk.querySelector("[data-all]");
  all.hidden = now.isAll || total <= now.chosen.size;
  all.textContent = `Select all ${total.toLocaleString("en")} that match`;
  preview.hidden = true;
}

bulk.addEventListener("click", (event) => {
  if (event.target.closest("[data-clear]")) selection.clear();
  if (event.target.closest("[data-all]")) selection.takeAll();
  const tool = event.target.closest("[data-tool]");
  if (tool) show(tool.getAttribute("aria-expanded") === "true" ? null : tool);
});

bulk.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const isDry = event.submitter?.value === "preview";
  await busy(form, async () => {
    const [path, body] = asBody(form, event.submitter?.value);
    if (isDry) body.dry_run = true;
    const report = await asked(`${home}/${path}`, { ...body, which: selection.which });
    if (isDry) showPreview(report);
    else await changed(report);
  });
});

bulk.addEventListener("keydown", (event) => {
  const open = bulk.querySelector('[aria-expanded="true"]');
  if (event.key !== "Escape" || !open) return;
  show(null);
  open.focus();
});

/** Open the form of one tool, and close the others. */
function show(tool) {
  preview.hidden = true;
  for (const button of bulk.querySelectorAll("[data-tool]")) {
    const form = document.getElementById(button.getAttribute("aria-controls"));
    button.setAttribute("aria-expanded", String(button === tool));
    form.hidden = button !== tool;
    if (button === tool) form.querySelector("input").focus();
  }
  if (tool?.dataset.tool === "tag" && !knowsTags) suggestTags();
}

/** Offer the tags of the set while one is typed; they may be thousands, so they come when needed. */
async function suggestTags() {
  knowsTags = true;
  const paths = (tags) => tags.flatMap((tag) => [tag.path, ...paths(tag.children)]);
  try {
    const options = paths((await asked(home)).tags).map((value) => made("option", { value }));
    document.getElementById("known-tags").replaceChildren(...options);
  } catch {
    knowsTags = false; // typed in full they work all the same
  }
}

main.addEventListener("click", async (event) => {
  const one = event.target.closest("[data-undo]");
  const last = event.target.closest("[data-undo-last]");
  if (!one && !last) return;
  const body = one ? { change: Number(one.dataset.change) } : {};
  await busy(event.target, async () => changed(await asked(`${home}/undo`, body)));
});

/** What a form of the bar asks for: where, and in the words of the API. */
function asBody(form, pressed) {
  const given = Object.fromEntries(new FormData(form));
  const words = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);
  if (form.dataset.do === "tag") return ["tags", { do: pressed, tag: given.tag.trim(), make: "make" in given }];
  if (form.dataset.do === "words") {
    return ["captions/words", { add: words(given.add), remove: words(given.remove), at: given.at }];
  }
  if (form.dataset.do === "replace") {
    return ["captions/replace", { search: given.search, replacement: given.replacement, how: given.how, ignore_case: "ignore_case" in given }];
  }
  const over = "over_people" in given ? { over: ["tags", "sidecar", "model", "person"] } : {};
  return ["captions/template", { template: given.template, trigger: given.trigger.trim(), ...over }];
}

async function busy(place, work) {
  const buttons = place.matches("button") ? [place] : [...place.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  try {
    showFault(fault, null);
    await work();
  } catch (error) {
    showFault(fault, error);
    fault.scrollIntoView({ block: "nearest" });
  }
  for (const button of buttons) button.disabled = false;
}

async function changed(report) {
  preview.hidden = true;
  said.hidden = false;
  said.querySelector("[data-said]").textContent = report.summary;
  const undo = said.querySelector("[data-undo]");
  undo.hidden = !report.change || Boolean(report.change.undone_at);
  if (report.change) undo.dataset.change = report.change.id;
  await renew();
}

function showPreview(report) {
  const kept = Object.entries(report.kept).map(([source, count]) => `${count} of ${source} stay`);
  const line = [report.summary, `${report.selected.toLocaleString("en")} looked at`, ...kept].join(" · ");
  preview.replaceChildren(made("p", { role: "status" }, line), examples(report.examples));
  preview.hidden = false;
}

/** The parts of the page as the server has them now; what was shown and selected stays so. */
async function renew() {
  const address = new URL(location.href);
  const shown = list()?.querySelectorAll("[data-member]").length ?? 0;
  if (shown > 50) address.searchParams.set("limit", Math.min(pageFull, shown));
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = new Map([...document.querySelectorAll("[data-part] details, details[data-part]")].map((one) => [name(one), one.open]));
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (fresh) part.replaceWith(document.adoptNode(fresh));
  }
  for (const one of document.querySelectorAll("[data-part] details, details[data-part]")) one.open = open.get(name(one)) ?? one.open;
  knowsTags = false;
  main.querySelector(".keys").hidden = !list();
  for (const button of main.querySelectorAll("[data-undo-last]")) button.hidden = false;
  if (list()) selection.attach(list());
  else {
    selection.clear();
    bulk.hidden = true;
  }
  watchForMore();
}

function name(details) {
  return details.querySelector("summary").getAttribute("aria-label") ?? details.dataset.part;
}

/** The next page comes when its link comes near. */
function watchForMore() {
  const link = main.querySelector('.paging a[rel="next"]');
  if (!link) return;
  const watcher = new IntersectionObserver(async ([seen]) => {
    if (!seen.isIntersecting) return;
    watcher.disconnect();
    try {
      await more(link.href);
    } catch {
      link.textContent = "Next page"; // it is still a link
    }
  }, { rootMargin: "600px" });
  watcher.observe(link);
}

async function more(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelectorAll("#pictures > li");
  list().append(...[...fresh].map((tile) => document.adoptNode(tile)));
  const next = page.querySelector('.paging a[rel="next"]');
  const link = main.querySelector('.paging a[rel="next"]');
  if (next) link.replaceWith(document.adoptNode(next));
  else link.remove();
  selection.adopt();
  watchForMore();
}
