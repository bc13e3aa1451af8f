import { expect, test } from "vitest";
import { startLab, telnet, websocket } from "../../index.ts";
import { RawClient as TelnetClient } from "../telnet/dialogue.ts";
import { frame, RawClient } from "./dialogue.ts";

const say = (text: string) => frame("text", text);
const JSON_CHAT = { "Sec-WebSocket-Protocol": "json" };

/** Somebody in the chat, with a nick and the welcome read. */
async function called(lab: Lab, nick: string): Promise<RawClient> {
  const client = await RawClient.open(lab.servers.live, "/chat");
  await client.next();
  expect(await client.send(say(`/nick ${nick}`)).words()).toBe(`text You are ${nick}.`);
  return client;
}

type Lab = Awaited<ReturnType<typeof chatting>>;
const chatting = () => startLab({ live: websocket(), shell: telnet() });

test("people of WebSocket and of Telnet meet", async () => {
  await using lab = await chatting();
  using ann = await RawClient.open(lab.servers.live, "/chat");
  expect(`${(await ann.next()).data}`).toBe(
    "Welcome to wirelab. You are guest1, in the room lobby. Type /help for the commands, /quit to leave.",
  );
  using bob = new TelnetClient(lab.servers.shell);
  await bob.read("> ");
  expect(await ann.words()).toBe("text * guest2 has joined lobby.");
  expect(await ann.send(say("hello")).words()).toBe("text guest1: hello");
  expect(await bob.read("> ")).toBe("\r\nguest1: hello\r\nguest2> ");
  bob.send("say hi\r\n");
  expect(await ann.words()).toBe("text guest2: hi");
  expect(await ann.send(say("/me waves")).words()).toBe("text * guest1 waves");
  expect(await ann.send(say("/who")).words()).toBe("text In lobby: guest1 (you), guest2");
  expect(await ann.send(say("/rooms")).words()).toBe("text lobby: 2");
  expect(await ann.send(say("//slash")).words()).toBe("text guest1: /slash");
  bob.send("tell guest1 psst\r\n");
  expect(await ann.words()).toBe("text guest2 tells you: psst");
  expect(await ann.send(say("/tell guest2 what?")).words()).toBe("text You tell guest2: what?");
  ann.send(say("/quit"));
  expect(await ann.words()).toBe("close 1000 Goodbye.");
  await bob.read("* guest1 has left lobby.\r\n");
});

test("what is no command, or cannot be done, is told", async () => {
  await using lab = await chatting();
  using ann = await called(lab, "ann");
  using bob = await called(lab, "bob");
  await ann.next();
  await ann.next();
  expect(await bob.send(say("/nick Ann")).words()).toBe("text The nick Ann is taken.");
  expect(await bob.send(say("/dance wildly")).words()).toBe(
    'text There is no command "/dance". Type /help to see those that there are.',
  );
  expect(await bob.send(say("/")).words()).toContain('no command "/"');
  expect(await bob.send(say("/constructor")).words()).toContain("no command");
  expect(await bob.send(say("x".repeat(5000))).words()).toBe("text A message has at most 4096 characters.");
  expect(await bob.send(frame("binary", "x")).words()).toBe("text A chat takes messages of text.");
  expect(`${(await bob.send(say("/help")).next()).data}`).toMatch(
    /^\/help: list the commands\n\/join ROOM: go to another room\n.*\n\/who \[ROOM\]: tell who is in the room$/s,
  );
  // An empty line says nothing, and lines within a message are one.
  expect(await bob.send(say("  "), say("one\ntwo")).words()).toBe("text bob: one two");
  expect(await ann.words()).toBe("text bob: one two");
});

test("who goes, in whatever way, leaves the room", async () => {
  await using lab = await chatting();
  using ann = await called(lab, "ann");
  for (const leave of [
    (client: RawClient) => client.send(frame("close")),
    (client: RawClient) => client.socket.end(),
    (client: RawClient) => client.socket.resetAndDestroy(),
    (client: RawClient) => client.send(frame(3)),
  ]) {
    using bob = await RawClient.open(lab.servers.live, "/chat");
    expect(await ann.words()).toMatch(/^text \* guest\d+ has joined lobby\.$/);
    leave(bob);
    expect(await ann.words()).toMatch(/^text \* guest\d+ has left lobby\.$/);
  }
});

test("programs chat in JSON", async () => {
  await using lab = await chatting();
  using bob = await called(lab, "bob");
  using ann = await RawClient.open(lab.servers.live, "/chat", JSON_CHAT);
  const heard = async () => JSON.parse(`${(await ann.next()).data}`);
  const answer = (fields: unknown) => {
    ann.send(say(JSON.stringify(fields)));
    return heard();
  };
  expect(await heard()).toEqual({ type: "welcome", nick: "guest2", room: "lobby" });
  expect(await answer({ type: "nick", nick: "ann" })).toEqual({
    type: "renamed",
    room: "lobby",
    nick: "ann",
    text: "guest2",
  });
  expect(await answer({ type: "say", text: "hi" })).toEqual({
    type: "said",
    room: "lobby",
    nick: "ann",
    text: "hi",
  });
  expect(await answer({ type: "me", text: "waves" })).toMatchObject({ type: "acted", text: "waves" });
  expect(await answer({ type: "who" })).toEqual({ type: "who", room: "lobby", members: ["ann", "bob"] });
  expect(await answer({ type: "who", room: "den" })).toMatchObject({ members: [] });
  expect(await answer({ type: "rooms" })).toEqual({ type: "rooms", rooms: [{ room: "lobby", members: 2 }] });
  ann.send(say('{"type":"tell","to":"bob","text":"psst"}'));
  while ((await bob.words()) !== "text ann tells you: psst");
  bob.send(say("/tell ann what?"));
  expect(await heard()).toEqual({ type: "told", room: "lobby", nick: "bob", text: "what?" });
  expect(await answer({ type: "tell", to: "eve", text: "?" })).toEqual({
    type: "error",
    code: "NOT_FOUND",
    message: "Nobody here is called eve.",
  });
  expect(await answer({ type: "join", room: "den" })).toMatchObject({ type: "joined", room: "den" });
  expect(await heard()).toEqual({ type: "who", room: "den", members: ["ann"] });
  for (const wrong of [{}, [], null, 7, { type: "say" }, { type: "say", text: 1 }, { type: "dance" }]) {
    expect(await answer(wrong)).toMatchObject({ type: "error", code: "BAD_OPTION" });
  }
  ann.send(say("no JSON"));
  expect(await heard()).toMatchObject({ type: "error", message: "A message of this chat is a JSON object." });
  ann.send(say('{"type":"quit"}'));
  expect(await ann.words()).toBe("close 1000 Goodbye.");
});

test("one who does not listen is closed with 1008, and holds nobody up", async () => {
  await using lab = await startLab({ live: websocket({ maxBuffered: 500_000 }) }, { transcript: 0 });
  using deaf = await RawClient.open(lab.servers.live, "/chat");
  deaf.socket.pause();
  using bob = await RawClient.open(lab.servers.live, "/chat");
  let heard = 0;
  let left = false;
  const listening = (async () => {
    for (; !left; heard += 1) left = (await bob.words()).includes("has left");
  })();
  // As much as the kernels take, and more.
  const lines = Buffer.concat(Array.from({ length: 20 }, () => say("x".repeat(4000))));
  for (let sent = 0; !left && sent < 20_000; sent += 20) {
    bob.send(lines);
    while (!left && heard < sent) await new Promise((resolve) => setImmediate(resolve));
  }
  await listening;
  deaf.socket.resume();
  let last = "";
  while (!last.startsWith("close")) last = await deaf.words();
  expect(last).toBe("close 1008 You read too slowly for this chat.");
});
