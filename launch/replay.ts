import { parseAddress } from "../core/address.ts";
import { WirelabError } from "../core/errors.ts";
import { startLab } from "../core/lab.ts";
import type { Server } from "../core/server.ts";
import { type Replaying, replay } from "../servers/replay/index.ts";
import { REPLAYED, serversIn } from "../servers/replay/steps.ts";
import type { Subcommand } from "./commands.ts";
import { recordingIn } from "./files.ts";
import { lineOf } from "./flags.ts";
import { REPLAY } from "./pages.ts";
import { readyRecord } from "./ready.ts";
import type { Given } from "./setting.ts";

/** `wirelab replay FILE` */
export const command: Subcommand = async (argv, { version, stdin, stdout, stderr, pid, stopOnSignals }) => {
  const { flags, operands } = await lineOf(argv, REPLAY, version);
  const [file = "-"] = operands;
  const recorded = await recordingIn(file, stdin);
  const names = serversIn(recorded).flatMap(({ name, conversations }) =>
    conversations.length > 0 ? [name] : [],
  );
  if (names.length === 0) {
    throw new WirelabError(
      "BAD_CONTENT",
      `${file} has no conversation that can be replayed: those of ${REPLAYED.join(", ")} can.`,
    );
  }
  const addresses = addressesFrom(flags.get("at") ?? [], names);
  const lab = await startLab(
    Object.fromEntries(
      names.map((name) => [name, replay(recorded, { server: name, ...addresses.get(name) })] as const),
    ),
    { transcript: 0 },
  );
  stopOnSignals(lab);
  const replaying: readonly (Server & Replaying)[] = Object.values(lab.servers);
  for (const { name, url, conversations } of replaying) {
    stderr.write(`wirelab: ${name} is replayed at ${url} (${conversations} recorded)\n`);
  }
  if (flags.has("ready")) stdout.write(`${JSON.stringify(readyRecord(pid, lab))}\n`);
  const total = () =>
    replaying.reduce((sum, { followed, differences }) => sum + followed() + differences().length, 0);
  lab.events.subscribe((event) => {
    if (event.type === "error") stderr.write(`wirelab: ${event.message}\n`);
    if (
      event.type === "closed" &&
      flags.has("once") &&
      total() >= replaying.reduce((sum, { conversations }) => sum + conversations, 0)
    )
      void lab.stop();
  }, "milestones");
  await lab.events.next("stopped", {}, Number.POSITIVE_INFINITY);
  await lab.stop();
  const differed = replaying.reduce((sum, { differences }) => sum + differences().length, 0);
  stderr.write(
    differed === 0
      ? "wirelab: every client followed\n"
      : `wirelab: ${differed} of ${total()} clients did not follow\n`,
  );
  return differed === 0 ? 0 : 1;
};

function addressesFrom(at: readonly Given[], names: readonly string[]) {
  return new Map(
    at.map((given) => {
      const text = String(given);
      const [, name = "", address = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
      if (!names.includes(name)) {
        throw new WirelabError(
          "BAD_OPTION",
          `--at ${text}: write NAME=ADDR, with a server of the recording: ${names.join(", ")}.`,
        );
      }
      return [name, parseAddress(address)] as const;
    }),
  );
}
