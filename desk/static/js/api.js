/* Speaking to the server: JSON in and out, the token against forged requests, one error class, keys against doubling.
   Decides nothing about what a page shows. */

import { learn } from "./clock.js";

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** What went wrong: status 0 when the server was not reached. `current` is the newer state after a conflict. */
export class ApiError extends Error {
  constructor(status, { code = "unreachable", message = "", fields = null, current = null } = {}) {
    super(message || code);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.current = current;
  }
  get isConflict() { return this.status === 409; }
  get isUnreachable() { return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504; }
}

async function ask(method, path, body, { signal, timeout_ms = 20000 } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = token();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const asked = Date.now();
  const limit = AbortSignal.timeout(timeout_ms);
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, credentials: "same-origin", cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0);
  }
  learn(answer.headers.get("Date"), asked, Date.now());
  if (answer.status === 204) return null;
  const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
  const content = isJson ? await answer.json().catch(() => null) : null;
  if (answer.ok) return content;
  throw new ApiError(answer.status, content?.error ?? { code: `http.${answer.status}` });
}

export const get = (path, options) => ask("GET", path, undefined, options);
export const post = (path, body = {}, options) => ask("POST", path, body, options);
export const put = (path, body = {}, options) => ask("PUT", path, body, options);
export const patch = (path, body = {}, options) => ask("PATCH", path, body, options);
export const remove = (path, options) => ask("DELETE", path, undefined, options);

/** A key that makes a repeated request the same request. */
export const idempotencyKey = () => (crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""));

/** Path with only the query values that say something. */
export function withQuery(path, values) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== "") query.set(key, value);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
