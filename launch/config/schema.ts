import type { Service } from "../../core/service.ts";
import { isService, type Kind } from "../kind.ts";
import { KINDS } from "../servers.ts";
import { type Setting, takesText } from "../setting.ts";
import { SETTINGS } from "../settings.ts";
import type { Kit, Schema } from "./kit.ts";
import { labShape, listenShape } from "./shapes.ts";

/** All that a configuration file can say. */
export function configSchema(kit: Kit): Schema<Readonly<Record<string, unknown>>> {
  const settings = Object.entries<Setting>(SETTINGS).filter(([, { file }]) => file !== "no");
  return kit.object({
    $schema: kit.text,
    servers: serversSchema(kit),
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
function serversSchema(kit: Kit): Schema<Readonly<Record<string, object>>> {
  const kinds = Object.entries<Kind>(KINDS);
  const service = kit.made<Service>("a service", isService);
  const orService = (schema: Schema<object>) => kit.by((found) => (isService(found) ? service : schema));
  const schemaOf = (
    { protocol, shape, lacks = [], needs = [] }: Kind,
    ...named: string[]
  ): Schema<object> => {
    const common = Object.entries(listenShape(kit)).filter(
      ([name]) => !lacks.some((lacking) => lacking === name),
    );
    const members: Readonly<Record<string, Schema>> = {
      protocol: kit.oneOf(protocol),
      ...Object.fromEntries(common),
      ...shape(kit),
    };
    return kit.object(members, ...named, ...needs);
  };
  const byProtocol = kinds.map(([, kind]) => [kind.protocol, schemaOf(kind, "protocol")] as const);
  return kit.named(
    Object.fromEntries(kinds.map(([name, kind]) => [name, orService(schemaOf(kind))])),
    orService(kit.variant("protocol", Object.fromEntries(byProtocol))),
  );
}
