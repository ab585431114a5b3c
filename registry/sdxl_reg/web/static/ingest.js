// The page that adds pictures: a folder is announced, looked at, sent in tars, and followed to its report.
const form = document.getElementById("ingest");
const place = (name) => document.querySelector(`[data-${name}]`);
const ANNOUNCED = 2000; // files a request
const TOGETHER = 500;
const TOGETHER_BYTES = 16 << 20;
const SHOWN = 40; // problems told one by one
const wanted = form.dataset.wanted.split(" ");
let work = null; // { url, files, stop } of the folder that is at hand

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());

form.querySelector("#folder").addEventListener("change", (event) => {
  if (event.target.files.length) begin(Promise.resolve(chosenFolder(event.target.files)));
});

form.addEventListener("change", (event) => {
  const isPlanned = !place("plan").hidden && work?.folder;
  if (event.target.name && isPlanned) begin(Promise.resolve(work.folder)); // it would be read otherwise now
});

const area = place("drop");
for (const kind of ["dragenter", "dragover"]) {
  area.addEventListener(kind, (event) => {
    event.preventDefault();
    area.classList.add("is-over");
  });
}
area.addEventListener("dragleave", () => area.classList.remove("is-over"));
area.addEventListener("drop", (event) => {
  event.preventDefault();
  area.classList.remove("is-over");
  begin(droppedFolder(event.dataTransfer.items));
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-stop]")) stop();
  if (event.target.closest("[data-go]")) go();
});

addEventListener("beforeunload", (event) => {
  if (work?.isSending) event.preventDefault();
});

/** Hash and announce a folder, and show what would be done. */
async function begin(choosing) {
  await giveUp();
  const mine = (work = { stop: new AbortController(), isSending: false });
  show("progress");
  try {
    const folder = await choosing;
    if (!folder) throw new Error("Drop one folder, not files.");
    if (!folder.files.length) throw new Error("There is no file in this folder.");
    mine.folder = folder;
    mine.files = new Map(folder.files.map((one) => [one.path, one.file]));
    await announce(mine, folder);
    if (mine !== work) return;
    showPlan(await asked(`${mine.url}/plan`, {}));
  } catch (error) {
    if (mine === work) fail(error);
  }
}

async function announce(mine, { name, files }) {
  const body = { folder: name, place: `browser/${name}` };
  for (const field of form.elements) if (field.name && field.value.trim()) body[field.name] = field.value.trim();
  mine.url = (await asked("/api/v1/ingests", body)).url;
  const ignoring = [];
  for (let start = 0; start < files.length; start += ANNOUNCED) {
    const some = [];
    for (const { path, file } of files.slice(start, start + ANNOUNCED)) {
      mine.stop.signal.throwIfAborted();
      const isOfUse = wanted.some((ending) => path.toLowerCase().endsWith(ending));
      some.push({ path, size_bytes: file.size, sha256: isOfUse ? await digestOf(file) : null });
      tell(`Reading ${name}`, start + some.length, files.length);
    }
    const { missing } = await asked(`${mine.url}/files`, { files: some }, "PUT");
    ignoring.push(...missing.filter((path) => path.endsWith(".sdxlregignore")));
  }
  if (ignoring.length) await send(mine, ignoring); // what they say belongs to the plan
}

/** Send what is missing, have it ingested, and show the report. */
async function go() {
  const mine = work;
  mine.isSending = true;
  show("progress");
  try {
    let sent = 0;
    for (;;) {
      const { missing } = await asked(`${mine.url}/missing?limit=${TOGETHER}`);
      if (!missing.length) break;
      const batch = together(mine, missing);
      tell("Sending", sent, mine.total);
      await send(mine, batch);
      sent += batch.reduce((sum, path) => sum + mine.files.get(path).size, 0);
    }
    mine.isSending = false;
    showReport(await ingested(mine));
  } catch (error) {
    if (mine === work) fail(error);
  }
  mine.isSending = false;
}

/** The first of some files, as many as go into one request; one at least. */
function together(mine, paths) {
  const batch = [];
  let size = 0;
  for (const path of paths) {
    size += mine.files.get(path).size;
    if (batch.length && size > TOGETHER_BYTES) break;
    batch.push(path);
  }
  return batch;
}

async function send(mine, paths) {
  const body = tarOf(paths.map((path) => ({ path, file: mine.files.get(path) })));
  const word = document.querySelector('meta[name="csrf-token"]')?.content;
  const headers = { "Content-Type": "application/x-tar", ...(word && { "X-CSRF-Token": word }) };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(`${mine.url}/content`, { method: "PATCH", headers, body, signal: mine.stop.signal });
      if (answer.ok) return;
      const said = await answer.json();
      throw Object.assign(new Error([said.detail, said.remedy].filter(Boolean).join(". ")), { isSaid: true });
    } catch (error) {
      if (error.isSaid || mine.stop.signal.aborted || attempt === 5) throw error;
      await new Promise((wake) => setTimeout(wake, 500 * 2 ** attempt)); // the connection broke
    }
  }
}

/** The report, once the server is done. */
async function ingested(mine) {
  const files = mine.files.size;
  let state = await asked(`${mine.url}/commit`, { files });
  while (state.state !== "done") {
    if (state.state === "failed") throw new Error(state.error.text);
    const { done, total, what } = state.progress;
    tell(what ? `${what[0].toUpperCase()}${what.slice(1)}` : "The server reads the pictures", done, total);
    await new Promise((wake) => setTimeout(wake, 600));
    mine.stop.signal.throwIfAborted();
    state = await asked(mine.url);
    if (state.state === "lost") state = await asked(`${mine.url}/commit`, { files });
  }
  return state.report;
}

function showPlan(plan) {
  place("layout").textContent = plan.layout;
  place("sets").replaceChildren(...plan.sets.map((one) => setCard(one, plan.levels)), ...problemList("Worth a look", plan.problems));
  work.total = plan.missing_bytes;
  const still = plan.missing === 1 ? "1 file is" : `${plan.missing.toLocaleString("en")} files are`;
  place("sending").textContent = plan.missing ? `${still} sent, ${sized(plan.missing_bytes)}.` : "Nothing has to be sent: the registry has these bytes.";
  show("plan");
}

/** A set of the plan: what becomes of it, and the names of its levels. */
function setCard(one, levels) {
  const counts = ["new", "changed", "unchanged", "gone"].filter((word) => one[word]).map((word) => `${one[word].toLocaleString("en")} ${word}`);
  const rows = levels.map((level, depth) => [level, namesAt(one.tags, depth)]).filter(([, names]) => names);
  return made(
    "div",
    { class: "card" },
    made("h3", {}, one.name, " ", made("span", { class: "soft small" }, one.is_new ? "new set" : "is there already")),
    made("p", {}, `${one.pictures.toLocaleString("en")} pictures: ${counts.join(", ") || "none"}`),
    ...(rows.length ? [made("dl", { class: "levels" }, ...rows.flatMap(([level, names]) => [made("dt", {}, level), made("dd", {}, names)]))] : []),
  );
}

/** Folder names at a depth with their pictures: `qzy (24), lsbr (24)`. */
function namesAt(tags, depth) {
  const counts = new Map();
  for (const [path, count] of Object.entries(tags)) {
    const name = path.split("/")[depth];
    if (name) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  const most = [...counts].sort((one, other) => other[1] - one[1]);
  const told = most.slice(0, 8).map(([name, count]) => `${name} (${count.toLocaleString("en")})`);
  return told.join(", ") + (most.length > 8 ? ` and ${most.length - 8} more` : "");
}

function showReport(report) {
  const words = ["new", "unchanged", "duplicates", "moved", "missing", "skipped", "failed"];
  const counts = words.filter((word) => report[word]).map((word) => `${report[word].toLocaleString("en")} ${word}`);
  const sets = report.image_sets.map((one) => made("li", {}, made("a", { href: `/image-sets/${encodeURIComponent(one.name)}` }, one.name), ` has ${one.images.toLocaleString("en")} images`));
  place("told").replaceChildren(
    made("ul", { class: "card" }, ...sets),
    made("p", {}, `${report.seen.toLocaleString("en")} files seen: ${counts.join(", ")}.`),
    ...problemList("Not taken", report.problems),
    ...problemList("Worth a look", report.warnings),
  );
  show("report");
}

function problemList(title, problems) {
  if (!problems.length) return [];
  const lines = problems.slice(0, SHOWN).map((one) => made("li", {}, made("span", { class: "mono" }, one.path), `: ${one.message}`));
  const rest = problems.length - lines.length;
  return [made("h3", {}, `${title}: ${problems.length.toLocaleString("en")}`), made("div", { class: "card" }, made("ul", { class: "faults" }, ...lines, ...(rest > 0 ? [made("li", { class: "soft" }, `and ${rest.toLocaleString("en")} more`)] : [])))];
}

/** Stop what is going on; what was sent is removed, what was recorded stays. */
async function stop() {
  await giveUp();
  show(null);
  form.querySelector("#folder").focus();
}

async function giveUp() {
  const old = work;
  work = null;
  showFault(place("fault"), null);
  form.querySelector("#folder").value = "";
  if (!old) return;
  old.stop.abort();
  const word = document.querySelector('meta[name="csrf-token"]')?.content;
  if (old.url && !old.isDone) fetch(old.url, { method: "DELETE", headers: word ? { "X-CSRF-Token": word } : {} }).catch(() => {});
}

function fail(error) {
  show(null);
  showFault(place("fault"), error);
  place("fault").scrollIntoView({ block: "nearest" });
}

function tell(what, done, total) {
  place("doing").textContent = total ? `${what}: ${Math.floor((100 * done) / total)} %` : `${what}…`;
  const bar = place("progress").querySelector("progress");
  bar.max = total || 1;
  bar.value = done;
}

/** Show one of the parts of the page, and begin reading there. */
function show(part) {
  for (const name of ["progress", "plan", "report"]) place(name).hidden = name !== part;
  if (part === "progress") tell("Reading the folder", 0, 0);
  else if (part) place(part).querySelector("h2").focus();
  if (part === "report" && work) work.isDone = true;
}

/** Bytes as the pages write them: 3.4 MB. */
function sized(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return power ? `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}` : `${bytes} bytes`;
}
