// A folder of this machine: its files by path, their SHA-256, and tars of them.
const LONGEST_HASHED = 64 << 20; // bytes; a browser hashes a file only as a whole
const BLOCK = 512;

/** The files of a folder that was chosen: [{ path, file }], and what the folder is called. */
function chosenFolder(list) {
  const found = [...list].map((file) => ({ path: file.webkitRelativePath, file }));
  const name = found[0]?.path.split("/")[0] ?? "";
  return { name, files: found.map(({ path, file }) => ({ path: path.slice(name.length + 1), file })) };
}

/** The files of the one folder that was dropped; null for anything else. */
async function droppedFolder(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length !== 1 || !entries[0].isDirectory) return null;
  const files = [];
  const pending = [[entries[0], ""]];
  while (pending.length) {
    const [folder, above] = pending.pop();
    for (const entry of await entriesIn(folder)) {
      const path = above + entry.name;
      if (entry.isDirectory) pending.push([entry, `${path}/`]);
      else files.push({ path, file: await new Promise((yes, no) => entry.file(yes, no)) });
    }
  }
  return { name: entries[0].name, files };
}

/** Everything right in a folder: the browser tells it in portions. */
async function entriesIn(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((yes, no) => reader.readEntries(yes, no));
    if (!some.length) return all;
    all.push(...some);
  }
}

/** SHA-256 in hexadecimal digits; null where this page may not compute it, or the file is long. */
async function digestOf(file) {
  if (!globalThis.crypto?.subtle || file.size > LONGEST_HASHED) return null;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A tar of files, read from the disk while it is sent. */
function tarOf(files) {
  const parts = [];
  for (const { path, file } of files) {
    parts.push(...headersOf(path, file.size), file, new Uint8Array((BLOCK - (file.size % BLOCK)) % BLOCK));
  }
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}

/** What stands before a file: its header, and before that its path where that is long. */
function headersOf(path, size) {
  const name = new TextEncoder().encode(path);
  if (name.length <= 100) return [header(name, size, "0")];
  const record = pathRecord(name);
  const padding = new Uint8Array((BLOCK - (record.length % BLOCK)) % BLOCK);
  return [header(new TextEncoder().encode("path"), record.length, "x"), record, padding, header(name.slice(0, 100), size, "0")];
}

/** `LENGTH path=PATH` and a line's end, where the length counts its own digits too. */
function pathRecord(name) {
  const rest = name.length + " path=\n".length;
  let length = rest + 1;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  const start = new TextEncoder().encode(`${length} path=`);
  const record = new Uint8Array(length);
  record.set(start);
  record.set(name, start.length);
  record[length - 1] = 10;
  return record;
}

function header(name, size, kind) {
  const block = new Uint8Array(BLOCK);
  const write = (text, at) => block.set(new TextEncoder().encode(text), at);
  block.set(name);
  write("0000644\0", 100);
  write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  write("        ", 148);
  write(kind, 156);
  write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
