import type { Entry } from "../../core/store/store.ts";
import type { FtpDialect, FtpListing } from "./dialect.ts";
import { longLine, MONTHS, twoDigits } from "./listing.ts";
import { printable } from "./reply.ts";

type Line = (entry: Entry, now: number) => string;

/** How LIST writes a line, by name. Times are UTC. */
const FORMATS: Readonly<Record<FtpListing, Line>> = {
  unix: longLine,
  dos: dosLine,
  eplf: eplfLine,
  netware: netwareLine,
  vxworks: vxworksLine,
};

/** What LIST says of an entry. A function's line is as it says, except that it stays one line. */
export function lineOf(dialect: FtpDialect | undefined): Line {
  const listing = dialect?.listing ?? "unix";
  if (typeof listing !== "function") return FORMATS[listing];
  return (entry, now) => listing(entry, now).replace(/[\r\n]/g, "?");
}

/** As IIS does in its MS-DOS style: `04-27-00  09:09PM       <DIR>          licensed`. */
function dosLine({ name, type, size, modified }: Entry): string {
  const hours = modified.getUTCHours();
  const date = [modified.getUTCMonth() + 1, modified.getUTCDate(), modified.getUTCFullYear() % 100];
  const time = `${twoDigits(hours % 12 || 12)}:${twoDigits(modified.getUTCMinutes())}${hours < 12 ? "AM" : "PM"}`;
  const what = type === "directory" ? "      <DIR>         " : String(size).padStart(20);
  return `${date.map(twoDigits).join("-")}  ${time} ${what} ${printable(name)}`;
}

/** As https://cr.yp.to/ftp/list/eplf.html has it: facts, a tab, the name. */
function eplfLine({ name, type, size, modified }: Entry): string {
  const time = `m${Math.floor(modified.getTime() / 1000)}`;
  const facts = type === "directory" ? [time, "/"] : [time, "r", `s${size}`];
  return `+${facts.join(",")},\t${printable(name)}`;
}

/** As clients' tests quote NetWare: `- [R----F--] rhesus             214059       Oct 20 15:27    cx.exe`. */
function netwareLine(entry: Entry, now: number): string {
  const directory = entry.type === "directory";
  const size = String(directory ? 512 : entry.size).padStart(10);
  return `${directory ? "d" : "-"} [RWCEAFMS] supervisor    ${size}       ${dateOf(entry, now)}    ${printable(entry.name)}`;
}

/** The month, the day, and the time or the year, as {@link longLine} has them. */
function dateOf(entry: Entry, now: number): string {
  return longLine({ ...entry, name: "" }, now)
    .trimEnd()
    .slice(-12);
}

/** As VxWorks does, which has no other mark of a directory than the one behind its name: `2048    Feb-28-1998  05:23:30   boot <DIR>`. */
function vxworksLine({ name, type, size, modified }: Entry): string {
  const date = `${MONTHS[modified.getUTCMonth()]}-${twoDigits(modified.getUTCDate())}-${modified.getUTCFullYear()}`;
  const time = [modified.getUTCHours(), modified.getUTCMinutes(), modified.getUTCSeconds()];
  const directory = type === "directory";
  const end = directory ? " <DIR>" : "";
  return `${String(directory ? 512 : size).padStart(8)}    ${date}  ${time.map(twoDigits).join(":")}   ${printable(name)}${end}`;
}
