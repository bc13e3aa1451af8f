import type { Kind } from "./kind.ts";
import { KINDS } from "./servers.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** A flag, and what it stands under where all of them are listed. */
export interface Listed {
  readonly heading: string;
  readonly setting: Setting;
}

/** Every flag there is: of servers, of labs and the process, of one kind of server. */
export function flagTable(): readonly Listed[] {
  const kinds = Object.entries<Kind>(KINDS);
  return [
    ...kinds.map(([, { flag }]) => ({ heading: "Servers", setting: flag })),
    ...Object.values<Setting>(SETTINGS).map((setting) => ({ heading: setting.heading ?? "Other", setting })),
    ...kinds.flatMap(([name, { settings }]) =>
      Object.values(settings as Readonly<Record<string, Setting>>).map((setting) => ({
        heading: `Only for ${name}`,
        setting,
      })),
    ),
  ];
}
