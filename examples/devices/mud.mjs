// A game of the kind that has kept Telnet alive: a login, rooms, and answers that depend on what came before.

const PLACES = {
  gate: { text: "You stand before the old city gate.", exits: { north: "market" } },
  market: {
    text: "Stalls, smoke, voices. A brass lamp lies here.",
    exits: { south: "gate", down: "cellar" },
  },
  cellar: { text: "Something breathes in the dark.", exits: { up: "market" } },
};

const SHORT = { n: "north", s: "south", u: "up", d: "down" };

/** @type {(session: import("wirelab").DeviceSession) => keyof typeof PLACES} */
const placeOf = ({ memory }) => memory.get("place") ?? "gate";

/** @type {import("wirelab").DeviceFunction} */
const look = (_line, session) => {
  const { text, exits } = PLACES[placeOf(session)];
  if (placeOf(session) === "cellar" && !session.memory.get("lamp")) return "It is pitch dark.\nExits: up";
  return `${text}\nExits: ${Object.keys(exits).join(", ")}`;
};

/** @type {import("wirelab").Device} */
export default {
  banner: "\n  ~ The Lantern City ~\n\nBy what name do you wish to be known?\n",
  login: {
    users: { Ann: "tallow" },
    userPrompt: "Name: ",
    passwordPrompt: "Password: ",
    failure: "Nobody of that name may pass.",
    pause: 100,
  },
  welcome: "You wake up at the gate.\n",
  lineEnd: "\n\r",
  echo: "off",
  prompt: (session) => `\n<${placeOf(session)}> `,
  commands: {
    look,
    l: look,
    inventory: (_line, { memory }) => (memory.get("lamp") ? "You carry a brass lamp." : "You carry nothing."),
    "take lamp": (_line, session) => {
      if (placeOf(session) !== "market") return "There is no lamp here.";
      session.memory.set("lamp", true);
      return "Taken. It is warm.";
    },
    "/(north|south|up|down|[nsud])/i": (line, session) => {
      const way = SHORT[line[1].toLowerCase()] ?? line[1].toLowerCase();
      const next = PLACES[placeOf(session)].exits[way];
      if (!next) return `There is no way ${way}.`;
      session.memory.set("place", next);
      return look(line, session);
    },
    "/say (.+)/": "You say: $1",
    who: (_line, { user }) => `${user} alone is awake.`,
    quit: { text: "The city fades.", end: "fin" },
  },
  unknown: "You mumble, and nothing happens.",
};
