// The two servers that this page calls: the EHR itself, by its session, and the calendar sync, by a token that the EHR
// signs for whoever is signed in.

const TOKEN_MS = 5 * 60_000; // it lives for ten minutes
const UNREACHABLE = "The calendar sync cannot be reached. Your appointments here are not affected.";

/** What was refused: `status`, a stable `code`, and a sentence for people as its message. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.detail ?? said.error ?? said.title ?? "That did not work. Please try again.");
    Object.assign(this, { status, code: said.code ?? "", said });
  }
}

async function send(url, { method, body, headers = {}, lost }) {
  const options = { method, headers: { Accept: "application/json", ...headers }, cache: "no-store" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Refused(0, { code: "unreachable", detail: lost });
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

/** The EHR's own data, under /app. */
export const ehr = {
  get: (path) => send(path, { method: "GET", lost: "The EHR does not answer." }),
  post: (path, body = {}) => send(path, { method: "POST", body, lost: "The EHR does not answer." }),
};

/** The sync's endpoints; `me` is what the EHR says of whoever is signed in. */
export class Sync {
  constructor(me) {
    this.base = me.calsync;
    this.practitioner = me.practitioner;
    this.offered = new Set();
    this.tokenAt = -TOKEN_MS;
  }

  /** What this deployment offers, from its OpenAPI document; parts that need more than it has are not shown. */
  async discover() {
    const document = await send(`${this.base}/openapi.json`, { method: "GET" }).catch(() => ({ paths: {} }));
    for (const [path, methods] of Object.entries(document.paths ?? {})) {
      const short = path.replace(/^\/v1\/practitioners\/\{[^}]+\}\/sync/, "");
      for (const method of Object.keys(methods)) this.offered.add(`${method.toUpperCase()} ${short}`);
    }
  }

  has(endpoint) {
    return this.offered.has(endpoint);
  }

  get = (path = "", query = null) => this.own("GET", query ? `${path}?${new URLSearchParams(query)}` : path);
  post = (path, body = {}) => this.own("POST", path, body);
  patch = (path, body) => this.own("PATCH", path, body);

  own(method, path, body) {
    return this.call(method, `/v1/practitioners/${encodeURIComponent(this.practitioner)}/sync${path}`, body);
  }

  /** Any path. A token that is refused is fetched anew once. */
  async call(method, path, body) {
    try {
      return await this.once(method, path, body);
    } catch (error) {
      if (error.status !== 401) throw error;
      this.tokenAt = -TOKEN_MS;
      return this.once(method, path, body);
    }
  }

  async once(method, path, body) {
    if (performance.now() - this.tokenAt >= TOKEN_MS) {
      this.token = (await ehr.get("data/token")).token;
      this.tokenAt = performance.now();
    }
    const headers = { Authorization: `Bearer ${this.token}` };
    return send(`${this.base}${path}`, { method, body, headers, lost: UNREACHABLE });
  }
}
