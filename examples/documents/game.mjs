// A game by Telnet: guess the number. Each player has one of their own.
//
//     node examples/documents/game.mjs [PORT]      and telnet 127.0.0.1 2323
import { startLab, telnet } from "wirelab";

async function play(terminal) {
  const number = 1 + Math.floor(Math.random() * 100);
  await terminal.write("I think of a number from 1 to 100.\n");
  for (let tries = 1; ; tries += 1) {
    const line = await terminal.readLine("Your guess: ");
    if (line === undefined) return;
    const guess = Number(line);
    if (guess === number) {
      await terminal.write(`Right, after ${tries} tries.\n`);
      return;
    }
    await terminal.write(guess < number ? "More.\n" : guess > number ? "Less.\n" : "That is no number.\n");
  }
}

const lab = await startLab({ game: telnet({ port: Number(process.argv[2] ?? 2323), session: play }) });
console.log(`Listening on ${lab.servers.game.url}`);
process.once("SIGINT", () => lab.stop());
