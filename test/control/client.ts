import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";
import { type Control, type ControlOptions, type Lab, serveControl } from "../../index.ts";

/** What a request is made of. */
export interface Asking {
  readonly body?: unknown;
  readonly bytes?: string | Uint8Array;
  readonly headers?: Record<string, string>;
  /** A body that the description does not allow, to see it refused. */
  readonly wrong?: true;
}

interface Described {
  readonly requestBody?: { readonly content: Record<string, { readonly schema?: object }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: object }> }>;
}

/** A client of the control API that holds each request and each answer against the description that is served. */
export class ControlClient implements AsyncDisposable {
  readonly control: Control;
  readonly #paths: Record<string, Record<string, Described>>;
  readonly #ajv: Ajv2020;
  readonly #components: object;
  /** The operations that were used, as `GET /v1/servers`. */
  readonly used = new Set<string>();

  private constructor(control: Control, description: { paths: object; components: object }) {
    this.control = control;
    this.#paths = description.paths as Record<string, Record<string, Described>>;
    this.#components = description.components;
    this.#ajv = new Ajv2020({
      strict: false,
      formats: { "date-time": (text: string) => !Number.isNaN(Date.parse(text)) },
    });
  }

  static async of(lab: Lab, options?: ControlOptions): Promise<ControlClient> {
    const control = await serveControl(lab, options);
    const description = await (await fetch(`${control.url}/openapi.json`)).json();
    return new ControlClient(control, description as never);
  }

  /** All operations of the description. */
  get operations(): string[] {
    return Object.entries(this.#paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  async ask(method: string, path: string, asking: Asking = {}): Promise<Response> {
    const { body, bytes, headers, wrong } = asking;
    const described = this.#describedAs(method, path);
    if (body !== undefined && !wrong) {
      const schema = described?.requestBody?.content["application/json"]?.schema;
      expect(schema, `${method} ${path} takes no JSON`).toBeDefined();
      this.#hold(schema ?? {}, body);
    }
    const response = await fetch(`${this.control.url}${path}`, {
      method,
      body: body === undefined ? (bytes ?? null) : JSON.stringify(body),
      headers: {
        authorization: `Bearer ${this.control.token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
    });
    const { responses = {} } = described ?? {};
    const answer = responses[response.status] ?? (response.status >= 400 ? responses.default : undefined);
    expect(answer, `${method} ${path} answers ${response.status}`).toBeDefined();
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
    if (type === "") expect(response.status).toBe(204);
    else expect(Object.keys(answer?.content ?? {})).toContain(type);
    if (type === "application/json")
      this.#hold(answer?.content?.[type]?.schema ?? {}, await response.clone().json());
    return response;
  }

  /** The JSON that a request is answered with, with the status that is expected. */
  async json<T = never>(method: string, path: string, status: number, asking?: Asking): Promise<T> {
    const response = await this.ask(method, path, asking);
    expect(response.status).toBe(status);
    return (await response.json()) as T;
  }

  async done(method: string, path: string, asking?: Asking): Promise<void> {
    expect((await this.ask(method, path, asking)).status).toBe(204);
  }

  #describedAs(method: string, path: string): Described | undefined {
    const [plain = ""] = path.split("?");
    const patterns = Object.keys(this.#paths).sort(
      (one, other) => Number(one.includes("{")) - Number(other.includes("{")),
    );
    const found = patterns.find((pattern) => {
      const source = pattern.replaceAll("{path}", ".+").replaceAll(/\{\w+\}/g, "[^/]+");
      return new RegExp(`^${source}/?$`).test(plain) && this.#paths[pattern]?.[method.toLowerCase()];
    });
    if (found) this.used.add(`${method} ${found}`);
    return found === undefined ? undefined : this.#paths[found]?.[method.toLowerCase()];
  }

  #hold(schema: object, value: unknown): void {
    const validate: ValidateFunction = this.#ajv.compile({ ...schema, components: this.#components });
    expect(validate(value), JSON.stringify({ value, errors: validate.errors }, undefined, 2)).toBe(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control.stop();
  }
}
