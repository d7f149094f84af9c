/** Everything the page says in sentences: states, places, messages, refusals. */

/** State of an instance -> [words, tone of the badge, icon]. */
export const STATES = {
  CREATED: ["Created", "", "radio_button_unchecked"],
  STARTED: ["Started", "here", "play_arrow"],
  ON_HOLD: ["On hold", "wait", "pause"],
  FINISHED: ["Finished", "ok", "check"],
  FAILED: ["Failed", "stop", "cancel"],
  EXPIRED: ["Expired", "", "hourglass_bottom"],
  DISMISSED: ["Dismissed", "", "close"],
  TERMINATED: ["Terminated", "stop", "stop_circle"],
  ABORTED: ["Aborted", "", "block"],
};

export const hasEnded = (state) => !["CREATED", "STARTED", "ON_HOLD"].includes(state);

/** `bicycle_leasing_request` as a title. */
export function title(process) {
  const words = String(process ?? "").replaceAll(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const PLACES = {
  "Reserve bike": "We are asking the warehouse for your bike.",
  "Bike reserved": "The warehouse was asked over Kafka. Its answer moves your request on.",
  "Sign lease": "You have signed. The message about your bike comes after the delay that was set in the designer; then your request goes on.",
};

/** What the rider waits for while the token rests on a node, and until when, where the node has a timer. */
export function placeInWords(node, waitsUntil) {
  if (waitsUntil && node.startsWith("Cooling-off")) return `You have signed. Your lease becomes active ${untilInWords(waitsUntil)}.`;
  const place = PLACES[node] ?? `Your request is at “${node}”. Nothing to do here; it goes on by itself.`;
  return waitsUntil ? `${place} Without one it goes on ${untilInWords(waitsUntil)}.` : place;
}

const DAY_MS = 86_400_000;

/** `in 14 days, on 8 December 2025 at 14:02`, in the reader's own language and time; within a day `today at 14:02`. */
export function untilInWords(iso, now = new Date()) {
  const moment = new Date(iso);
  const time = moment.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", hour12: false});
  if (moment.toDateString() === now.toDateString()) return `today at ${time}`;
  const days = Math.round((moment - now) / DAY_MS);
  const away = days > 1 ? `in ${days} days` : "tomorrow";
  return `${away}, on ${moment.toLocaleDateString([], {day: "numeric", month: "long", year: "numeric"})} at ${time}`;
}

/** What the rider reads while a step waits for a repair. */
export const STUCK = "A step has failed. Staff see what went wrong and can go on from there; this page follows by itself.";

/** How it ended, by the last node's name. */
export function endInWords(state, node) {
  if (state !== "FINISHED") return `This request has ended: ${(STATES[state] ?? [state])[0].toLowerCase()}.`;
  if (node === "Lease active") return "Your lease is active. Enjoy the ride.";
  if (node === "Request closed") return "This request is closed without a lease.";
  return "This process has finished.";
}

/** The frames of the websocket, one sentence each. `names`: node id -> name, as far as known. */
export function frameInWords(frame, names) {
  if (frame.type === "progress") {
    const node = frame.progressUpdateDTO.currentNodeId;
    return ["Now at ", names.get(node) ?? `node ${node}`];
  }
  if (frame.type === "state") {
    const {state, readOnly, incident} = frame.state;
    if (incident) return ["A step has failed; the request waits for a repair", null];
    return [`The instance is ${(STATES[state] ?? [state])[0].toLowerCase()}${readOnly ? ", read-only for you" : ""}`, null];
  }
  if (frame.type === "action") return ["Asks this page to start ", frame.action?.processName ?? "a process"];
  return [summary(frame.data), null];
}

/** The first values of a message, on one line. */
function summary(data) {
  const short = (value) => (Array.isArray(value) ? "[…]" : value && typeof value === "object" ? "{…}" : String(value));
  const text = Object.entries(data ?? {}).map(([key, value]) => `${key}: ${short(value)}`).join(", ") || "an empty message";
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** A refused call, in words that say what to do. */
export function errorInWords(error) {
  if (error.status === 0) return "The server cannot be reached. Check that the demo is running, then try again.";
  if (error.status === 401 || error.status === 4401) return "Your login has ended. Log in again to go on.";
  if (error.status === 403) return "You have no right to do this step. The roles of the swimlane decide who may.";
  if (error.status === 404 || error.status === 4404) return "This request is not there, or it is not yours to see.";
  if (error.errorKey?.endsWith("process_def_not_found")) return "The process is not published. Publish it in the designer, then try again.";
  if (error.status === 409) return `${error.message} This page now shows where the request is.`;
  if (error.status === 422) return "The step has failed and waits for a repair. Staff see what went wrong and can go on from there.";
  if (error.status === 429) return "Too many calls in a short time. Wait a minute, then try again.";
  return error.message || "Something went wrong on the way.";
}

/** The connection -> [words, tone]. */
export function connectionInWords(connection) {
  switch (connection?.state) {
    case "open":
      return ["Connected", "ok"];
    case "connecting":
      return ["Connecting…", "idle"];
    case "waiting":
      return [`Connection lost, next try in ${Math.max(1, Math.round(connection.retryInMs / 1000))} s`, "wait"];
    case "closed":
      return ["Not connected", "idle"];
    default:
      return ["Not connected", "off"];
  }
}
