import { createHash } from "node:crypto";
import type { Entry } from "../../core/store/store.ts";
import { COLUMNS, type Column, type Order } from "./order.ts";
import { encodeName, encodePath } from "./target.ts";
import type { Visitor } from "./visitor.ts";

/** A directory as a web page: complete in itself, and but for dropped files as good without scripts. */
export function page(path: string, entries: readonly Entry[], order: Order, visitor: Visitor): string {
  const title = `Index of ${htmlOf(path === "/" ? path : `${path}/`)}`;
  const { may } = visitor;
  const deletes = entries.some((entry) => may("d", entry));
  const last = (entry: Entry) => (may("d", entry) ? deletion(entry.name) : NO_DELETION);
  const rows = [
    ...(path === "/" || path === visitor.home ? [] : [parent(deletes ? NO_DELETION : "")]),
    ...entries.map((entry) => row(entry, deletes ? last(entry) : "")),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
${ICONS}
<main>
<h1>${trail(path)}</h1>
${deletes ? DELETE : ""}
<table>
<thead><tr>${COLUMNS.map((column) => heading(column, order)).join("")}${deletes ? "<th></th>" : ""}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
${deletes ? "</form>" : ""}
${entries.length === 0 ? '<p class="empty">This directory is empty.</p>' : ""}
${may("w", { path, type: "directory" }) ? UPLOAD : ""}
<footer>${summary(entries)}${account(path, visitor)}</footer>
</main>
</body>
</html>
`;
}

/** What the page may load (Content Security Policy): nothing from anywhere, whatever a file's name may hold. */
export const POLICY = policy();

function policy(): string {
  const hash = createHash("sha256").update(script()).digest("base64");
  return `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
}

/** Files that are dropped on the page are sent as if they had been chosen; what becomes of them is told where one is. */
function script(): string {
  return `
const form = document.getElementById("upload");
const files = form.querySelector("input");
const progress = form.querySelector("progress");
const say = (text) => { form.querySelector("[role=status]").textContent = text };
let over = 0;
const mark = (change) => { over = Math.max(0, over + change); form.classList.toggle("over", over > 0) };
const hasFiles = (event) => event.dataTransfer.types.includes("Files");
const isFolder = (item) => item.webkitGetAsEntry()?.isDirectory;
const idle = () => progress.hidden || say("Wait for these files, then send more.");
addEventListener("dragenter", (event) => { if (hasFiles(event)) mark(1) });
addEventListener("dragleave", (event) => { if (hasFiles(event)) mark(-1) });
addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault() });
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  mark(-over);
  if (!idle()) return;
  if ([...event.dataTransfer.items].some(isFolder)) return say("A folder cannot be sent; drop the files in it.");
  files.files = event.dataTransfer.files;
  form.requestSubmit();
});
files.addEventListener("change", () => form.requestSubmit());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!idle()) return;
  const count = files.files.length;
  say("Uploading " + count + (count === 1 ? " file …" : " files …"));
  progress.hidden = false;
  const request = new XMLHttpRequest();
  request.open("POST", location.pathname);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => { progress.value = loaded / total };
  const fail = (why) => { progress.hidden = true; form.reset(); say("The upload failed. " + why) };
  request.onload = () => {
    if (request.status === 200) location.assign("?list");
    else fail(request.response?.message ?? "The server answered " + request.status + ".");
  };
  request.onerror = () => fail("The connection was lost, or a file cannot be read. What was sent whole is stored.");
  request.send(new FormData(form));
});
`;
}

const UPLOAD = `<form id="upload" method="post" enctype="multipart/form-data">
<label><span>Choose files</span> <input type="file" name="file" multiple required></label> or drop them on this page
<noscript><button>Upload</button></noscript>
<p role="status"></p>
<progress value="0" aria-label="Sent" hidden></progress>
</form>
<script>${script()}</script>`;

/** Around the table: buttons that name a form elsewhere take browsers half a minute where there are thousands. */
const DELETE = `<form id="delete" method="post" enctype="multipart/form-data">`;

function account(path: string, { user, may }: Visitor): string {
  if (user !== undefined) return ` · logged in as ${htmlOf(user)}`;
  const here = { path, type: "directory" } as const;
  if (may("w", here) && may("d", here)) return "";
  return ` · <a href="/?login=${encodeURIComponent(path)}">Log in</a> to do more`;
}

/** Every directory on the way, each a link. */
function trail(path: string): string {
  const names = path.split("/").filter(Boolean);
  const links = names.map((name, index) => {
    const href = `${encodePath(`/${names.slice(0, index + 1).join("/")}`)}/`;
    return index === names.length - 1 ? `<b>${htmlOf(name)}</b>/` : `<a href="${href}">${htmlOf(name)}</a>/`;
  });
  return `<a href="/" title="The topmost directory">${icon("home")}</a>/${links.join("")}`;
}

function heading(column: Column, { by, direction }: Order): string {
  const active = column === by;
  const next = active && direction === "ascending" ? "descending" : "ascending";
  const arrow = active ? (direction === "ascending" ? " ↑" : " ↓") : "";
  const sorted = active ? ` aria-sort="${direction}"` : "";
  return `<th scope="col" class="${column}"${sorted}><a href="?list&amp;sort=${column}&amp;order=${next}">${LABELS[column]}${arrow}</a></th>`;
}

const LABELS: Readonly<Record<Column, string>> = { name: "Name", size: "Size", modified: "Modified (UTC)" };

function parent(last: string): string {
  return `<tr><td class="name"><a href="../">${icon("up")}..</a></td><td class="size"></td><td class="modified"></td>${last}</tr>`;
}

function row({ name, type, size, modified }: Entry, last: string): string {
  const directory = type === "directory";
  const href = `./${encodeName(name)}${directory ? "/" : ""}`;
  const label = `${icon(directory ? "directory" : "file")}${htmlOf(name)}${directory ? "/" : ""}`;
  const sizeCell = directory
    ? "–"
    : `<span title="${size.toLocaleString("en")} bytes">${sizeText(size)}</span>`;
  const iso = modified.toISOString();
  const time = `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)}</time>`;
  return `<tr><td class="name"><a href="${href}">${label}</a></td><td class="size">${sizeCell}</td><td class="modified">${time}</td>${last}</tr>`;
}

const NO_DELETION = "<td></td>";

/** Two steps, so that no slip of the hand deletes anything. */
function deletion(name: string): string {
  const label = htmlOf(name);
  // A form makes CRLF of every line break.
  const [field, value] = /[\r\n]/.test(name) ? ["delete-encoded", encodeName(name)] : ["delete", label];
  return `<td class="delete"><details name="delete"><summary title="Delete ${label}" aria-label="Delete ${label}">×</summary><button name="${field}" value="${value}">Delete</button></details></td>`;
}

function summary(entries: readonly Entry[]): string {
  const files = entries.filter(({ type }) => type === "file");
  const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
  return [
    counted(entries.length - files.length, "directory", "directories"),
    counted(files.length, "file", "files"),
    sizeText(files.reduce((sum, { size }) => sum + size, 0)),
  ].join(" · ");
}

/** Three digits and a decimal unit: `512 B`, `1.23 MB`. */
function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  // To three digits first: 999,999 bytes are 1.00 MB.
  const rounded = bytes < 1000 ? bytes : Number(bytes.toPrecision(3));
  const power = Math.min(Math.floor(Math.log10(Math.max(rounded, 1)) / 3), units.length - 1);
  const number = power === 0 ? String(bytes) : (bytes / 1000 ** power).toPrecision(3);
  return `${number} ${units[power]}`;
}

function icon(name: "home" | "up" | "directory" | "file"): string {
  return `<svg class="${name}" aria-hidden="true"><use href="#${name}"/></svg>`;
}

function htmlOf(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const ICONS = `<svg class="icons">
<symbol id="home" viewBox="0 0 16 16"><path d="M8 1.6 1.4 7.3l.9 1.1 1-.8V14h3.5v-4h2.4v4h3.5V7.6l1 .8.9-1.1z"/></symbol>
<symbol id="up" viewBox="0 0 16 16"><path d="M8 2.5 3 7.5l1.1 1.1L7.2 5.5V13.5h1.6V5.5l3.1 3.1L13 7.5z"/></symbol>
<symbol id="directory" viewBox="0 0 16 16"><path d="M1.5 3.5c0-.6.4-1 1-1h3.7l1.6 1.7h5.7c.6 0 1 .4 1 1v7.3c0 .6-.4 1-1 1h-11c-.6 0-1-.4-1-1z"/></symbol>
<symbol id="file" viewBox="0 0 16 16"><path d="M3.5 1.5h5.6l3.4 3.4v9.6h-9zm1.2 1.2v10.6h6.6V5.7H8.3v-3z"/></symbol>
</svg>`;

const STYLE = `
:root { --ink: #1f2328; --dim: #656d76; --line: #d8dee4; --paper: #fff; --over: #f3f6f9; --link: #0757b8; --folder: #4a90d9; --danger: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --dim: #8d96a0; --line: #30363d; --paper: #0d1117; --over: #161b22; --link: #6cb2ff; --folder: #6cb2ff; --danger: #ff8a80 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem }
h1 { margin: 0 0 1rem; font-size: 1.25rem; font-weight: 400; overflow-wrap: anywhere }
h1 a, h1 b { margin: 0 .15em; unicode-bidi: isolate }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px }
svg { flex: none; width: 1.1em; height: 1.1em; fill: var(--dim) }
svg.icons { display: none }
svg.home { vertical-align: -.15em; fill: currentColor }
svg.directory { fill: var(--folder) }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th { border-bottom: 1px solid var(--line); font-size: .8rem; text-align: left; white-space: nowrap }
th a { color: var(--dim) }
th, td { padding: .35rem .6rem }
td { border-bottom: 1px solid var(--line) }
td.name { width: 100%; overflow-wrap: anywhere }
td.name a { display: flex; gap: .6em; align-items: center; white-space: pre-wrap }
.size { text-align: right; white-space: nowrap }
td.size, td.modified { color: var(--dim); padding-left: 2rem }
.modified { text-align: right; white-space: nowrap }
tbody tr:hover { background: var(--over) }
td.delete { position: relative; padding: 0 .3rem; text-align: right; white-space: nowrap }
details { display: inline-block }
details button { position: absolute; top: 50%; right: 2.2rem; transform: translateY(-50%); background: var(--paper) }
summary { padding: .1rem .5rem; color: var(--dim); cursor: pointer; list-style: none }
summary::-webkit-details-marker { display: none }
summary:hover, summary:focus-visible { color: var(--danger) }
button { padding: .1rem .6rem; border: 1px solid currentColor; border-radius: 4px; background: none; color: var(--link); font: inherit; font-size: .8rem; cursor: pointer }
td.delete button { color: var(--danger) }
#upload { margin: 1rem 0 0; padding: 1rem; border: 2px dashed var(--line); border-radius: 8px; color: var(--dim); text-align: center }
#upload.over { border-color: var(--link); background: var(--over) }
#upload input { position: absolute; width: 1px; height: 1px; opacity: 0 }
#upload span { display: inline-block; padding: .3rem .9rem; border: 1px solid var(--link); border-radius: 6px; color: var(--link); cursor: pointer }
#upload span:hover { background: var(--over) }
#upload label:focus-within span { outline: 2px solid var(--link); outline-offset: 2px }
#upload p { margin: .6rem 0 0 }
#upload p:empty { display: none }
progress:not([hidden]) { display: block; width: 100%; margin: .6rem 0 0; accent-color: var(--link) }
.empty { color: var(--dim); text-align: center }
footer { padding: .8rem .6rem; color: var(--dim); font-size: .8rem }
@media (max-width: 36rem) { .modified { display: none } td.size { padding-left: .6rem } }
@media (pointer: coarse) { th, td { padding: .55rem .6rem } summary { padding: .5rem .8rem } details button { right: 2.8rem; padding: .4rem .9rem } }
`;
