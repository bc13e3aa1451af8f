import { Refusal } from "../refusal.ts";
import type { Turn } from "../turn.ts";
import type { Script } from "./script.ts";

/** A body whose length its head does not tell is gathered first, up to so many bytes: programs are told the length. */
const MAX_GATHERED = 1_048_576;

/** A request's body as a program gets it. */
export interface Body {
  /** In bytes; undefined where there is none. */
  readonly length: number | undefined;
  /** All of it, where it had to be read first. */
  readonly gathered?: Buffer;
}

/** @throws Refusal 413 for a body that is too long, 411 for one that is long and does not say how long. */
export async function bodyOf({ request }: Turn, maxBody: number): Promise<Body> {
  const { headers } = request;
  if (headers["transfer-encoding"] === undefined) {
    const given = headers["content-length"];
    const length = given === undefined ? undefined : Number(given);
    if ((length ?? 0) > maxBody)
      throw new Refusal(413, `The body is too long: it may have ${maxBody} bytes.`);
    return { length };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > Math.min(MAX_GATHERED, maxBody)) {
      request.resume();
      throw new Refusal(411, "A program is told how long its body is: send Content-Length with a long one.");
    }
    chunks.push(chunk);
  }
  return { length, gathered: Buffer.concat(chunks) };
}

/** The body into the program, no faster than it reads. Resolves when nothing more is to come. */
export async function feed({ request }: Turn, script: Script, { gathered }: Body): Promise<void> {
  if (gathered) {
    script.input.end(gathered);
    return;
  }
  request.on("data", () => script.alive());
  try {
    request.pipe(script.input);
    // A program that ends without reading all of it is no failure: what it answers counts.
    await Promise.race([new Promise((resolve) => script.input.once("close", resolve)), script.ended]);
  } finally {
    request.unpipe(script.input);
    script.input.destroy();
    // What it did not read is read and thrown away, so that the response is heard.
    request.resume();
  }
}
