/**
 * What this tab remembers over a reload. The client keeps the number of the last frame it handed over and asks the server only
 * for later ones, so the page keeps what it has shown: together nothing is lost and nothing comes twice.
 */

const KEY = "rider:1";
const MOST_ENTRIES = 400;

/** `{runs: [{uuid, process, typed}], entries: [...]}`; empty where nothing is stored or the browser denies storage. */
export function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (Array.isArray(kept?.runs) && Array.isArray(kept?.entries)) return kept;
  } catch {
    // Denied or damaged: begin anew.
  }
  return {runs: [], entries: []};
}

export function keep(memory) {
  memory.entries.splice(0, memory.entries.length - MOST_ENTRIES);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(memory));
  } catch {
    // Full or denied: the page works, only a reload shows less.
  }
}

/** The id of the instance that an address such as `/demo/rider/#<uuid>` asks for. */
export function asked() {
  const text = location.hash.slice(1);
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : null;
}
