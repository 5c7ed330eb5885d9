// Talks to the service with the reader's key. The key lives in this tab only.
const PLACE = "cuofeng.key";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export function takeKeyFromAddress() {
  const found = /(?:^#|&)key=([^&]+)/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(PLACE, decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname);
}

export const hasKey = () => Boolean(sessionStorage.getItem(PLACE));
export const setKey = (key) => sessionStorage.setItem(PLACE, key.trim());
export const forgetKey = () => sessionStorage.removeItem(PLACE);

async function call(path, options = {}) {
  const response = await fetch(path, {
    ...options,
    headers: { Authorization: `Bearer ${sessionStorage.getItem(PLACE)}`, ...options.headers },
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, body);
  return { body, etag: response.headers.get("ETag") };
}

export async function get(path, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return (await call(text ? `${path}?${text}` : path, { signal })).body;
}

// A picture as the address of an image: the key stays in the header, and nothing else is asked for.
export async function pictureAddress(path, query = {}) {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`, { headers: { Authorization: `Bearer ${sessionStorage.getItem(PLACE)}` } });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => null));
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await response.text())}`;
}

export const getTagged = (path) => call(path);

export async function allPages(path, query, rowsOf, most = 20) {
  const rows = [];
  let page = null;
  for (let i = 0; i < most; i += 1) {
    page = await get(path, { ...query, cursor: page?.next });
    rows.push(...rowsOf(page));
    if (!page.next) break;
  }
  return { rows, page };
}

export function acknowledge(alertId, etag, actor, reason, attempt) {
  return call(`/v1/alerts/${encodeURIComponent(alertId)}/acknowledge`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": attempt, ...(etag ? { "If-Match": etag } : {}) },
    body: JSON.stringify({ actor, reason }),
  });
}

export function newAttempt() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
