import type { Service } from "../../core/service.ts";
import { isService, type Kind } from "../kind.ts";
import { KINDS } from "../servers.ts";
import { type Setting, takesText } from "../setting.ts";
import { SETTINGS } from "../settings.ts";
import type { Kit, Schema } from "./kit.ts";
import { labShape, listenShape } from "./shapes.ts";

/** All that a configuration file can say. */
export async function configSchema(kit: Kit): Promise<Schema<Readonly<Record<string, unknown>>>> {
  const settings = Object.entries<Setting>(SETTINGS).filter(([, { file }]) => file !== "no");
  return kit.object({
    $schema: kit.text,
    servers: await serversSchema(kit),
    ...labShape(kit),
    ...Object.fromEntries(settings.map(([name, setting]) => [name, settingSchema(kit, setting)])),
  });
}

/** A flag's text, or, where there is one, the value that it stands for. */
function settingSchema(kit: Kit, setting: Setting): Schema {
  const { choices, names, data, item, times, flag } = setting;
  const text = choices ? kit.oneOf(...choices) : names ? kit.path : kit.text;
  const forms: Schema[] = takesText(setting) ? [text] : [];
  if (times === "often") forms.push(kit.list(item ? kit.either(text, item(kit)) : text));
  if (!flag.includes("<")) forms.push(kit.flag);
  if (data) forms.push(data(kit));
  const [only] = forms;
  return forms.length === 1 && only ? only : kit.either(...forms);
}

/** Servers by name. One that has the name of a flag, `ftp` for example, need not say what it speaks. */
async function serversSchema(kit: Kit): Promise<Schema<Readonly<Record<string, object>>>> {
  const service = kit.made<Service>("a service", isService);
  const orService = (schema: Schema<object>) => kit.by((found) => (isService(found) ? service : schema));
  const kinds = await Promise.all(
    Object.entries<Kind>(KINDS).map(async ([name, { protocol, shape, lacks = [], needs = [] }]) => {
      const common = Object.entries(listenShape(kit)).filter(
        ([option]) => !lacks.some((lacking) => lacking === option),
      );
      const members: Readonly<Record<string, Schema>> = {
        protocol: kit.oneOf(protocol),
        ...Object.fromEntries(common),
        ...(await shape(kit)),
      };
      return {
        name,
        protocol,
        byName: kit.object(members, ...needs),
        byProtocol: kit.object(members, "protocol", ...needs),
      };
    }),
  );
  return kit.named(
    Object.fromEntries(kinds.map(({ name, byName }) => [name, orService(byName)])),
    orService(
      kit.variant(
        "protocol",
        Object.fromEntries(kinds.map(({ protocol, byProtocol }) => [protocol, byProtocol])),
      ),
    ),
  );
}
