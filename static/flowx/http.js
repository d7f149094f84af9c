/**
 * HTTP with the caller's credentials: problem objects become FlowxError, and what failed on the way is tried again safely.
 * Used by client.js and run.js; not an entry of its own.
 */

export const TIMING = {
  firstRetryMs: 500, // first wait before a reconnect or a repeated call; doubles each time
  maxRetryMs: 30_000, // longest wait before a reconnect
  silenceMs: 45_000, // without any text for this long a connection counts as lost (the server pings every 20 s)
  floodMs: 30_000, // wait after the server closed with 4429
  readyMs: 1_000, // shortest time between two `ready` texts
  longestRetryAfterMs: 120_000, // a 429 asking for more than this is handed to the caller
};
const TRIES = 3;

/** What a refused call rejects with, and what `onError` gets. `status` 0: no answer; 44xx: the socket's close code. */
export class FlowxError extends Error {
  constructor({status, message, errorKey = null, errors = [], incidentId = null, params = null}) {
    super(message);
    this.name = "FlowxError";
    Object.assign(this, {status, errorKey, errors, incidentId, params});
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The wait before try number `n` (from 0): doubles, and half of it is random so that a crowd does not come back as one. */
export const backOff = (timing, n) => Math.min(timing.maxRetryMs, timing.firstRetryMs * 2 ** n) * (0.5 + Math.random() / 2);

export function newKey() {
  if (globalThis.crypto.randomUUID) return crypto.randomUUID(); // absent on plain http other than localhost
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Api {
  #auth;
  #asked = null; // promise of the token in use
  #known; // that token, once it is there

  constructor({baseUrl, auth, csrfCookie = "csrftoken"}, timing) {
    this.base = (baseUrl ?? globalThis.location?.origin ?? "").replace(/\/+$/, "");
    this.#auth = auth;
    this.csrfCookie = csrfCookie;
    this.timing = timing;
  }

  get usesTokens() {
    return Boolean(this.#auth);
  }

  /** The bearer token; `auth` is asked anew when the one in use was refused, once however many calls notice it. */
  token({refused} = {}) {
    if (this.#asked === null || (refused !== undefined && refused === this.#known)) {
      this.#known = undefined;
      const asked = Promise.resolve().then(() => this.#auth({refused}));
      this.#asked = asked;
      asked.then(
        (token) => (this.#known = token),
        () => (this.#asked = null),
      );
    }
    return this.#asked;
  }

  async renew() {
    if (this.#asked) await this.token({refused: await this.#asked});
  }

  #headers(token, key, json) {
    const headers = {Accept: "application/json"};
    if (json !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    if (token) headers.Authorization = `Bearer ${token}`;
    else {
      const cookie = globalThis.document?.cookie.split("; ").find((part) => part.startsWith(`${this.csrfCookie}=`));
      if (cookie) headers["X-CSRFToken"] = decodeURIComponent(cookie.slice(this.csrfCookie.length + 1));
    }
    return headers;
  }

  /** One call, tried three times on network faults, 502-504 and 429. Gives the JSON answer or rejects with FlowxError. */
  async request(method, path, {json, form, key} = {}) {
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const token = this.usesTokens ? await this.token() : null;
      let response, text;
      try {
        response = await fetch(this.base + path, {
          method,
          headers: this.#headers(token, key, json),
          body: form ?? (json === undefined ? undefined : JSON.stringify(json)),
          credentials: token ? "omit" : "same-origin",
        });
        text = await response.text();
      } catch {
        if (attempt >= TRIES) throw new FlowxError({status: 0, message: "The server cannot be reached."});
        await sleep(backOff(this.timing, attempt - 1));
        continue;
      }
      if (response.status === 401 && token && !renewed) {
        renewed = true;
        attempt -= 1;
        await this.token({refused: token});
        continue;
      }
      const wait = attempt < TRIES ? this.#waitBeforeRepeat(response, attempt) : null;
      if (wait === null) return answer(response, text);
      await sleep(wait);
    }
  }

  #waitBeforeRepeat(response, attempt) {
    if (response.status === 429) {
      const wait = retryAfterMs(response) ?? backOff(this.timing, attempt - 1);
      return wait <= this.timing.longestRetryAfterMs ? wait : null;
    }
    return response.status >= 502 && response.status <= 504 ? backOff(this.timing, attempt - 1) : null;
  }
}

function retryAfterMs(response) {
  const value = response.headers.get("Retry-After");
  if (value === null) return null;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

function answer(response, text) {
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // Not from the engine (a proxy's page): the status says enough.
  }
  if (response.ok) return body;
  const problem = body && typeof body === "object" ? body : {};
  throw new FlowxError({
    ...problem,
    status: response.status,
    message: problem.defaultMessage ?? problem.title ?? problem.message ?? `The server answered ${response.status}.`,
  });
}
