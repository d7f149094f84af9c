/** The list of what the page sent and got, the newest first; a click on a line shows the message as it came. */
import {clock, el, icon, json} from "./dom.js";
import {frameInWords} from "./words.js";

const KINDS = {
  data: ["data", "key"],
  action: ["action", "act"],
  progress: ["progress", "here"],
  state: ["state", "grey"],
  call: ["call", "out"],
  error: ["error", "bad"],
};

export class Log {
  #list = document.getElementById("log");
  #empty = document.getElementById("log-empty");
  #names = new Map(); // node id -> name
  #waiting = []; // lines that name a node nobody has told the name of yet

  /** One line for an entry: `{at, uuid, process, frame}` or `{at, uuid, process, kind: "call" | "error", text, raw}`. */
  add(entry, {fresh = true} = {}) {
    const kind = entry.kind ?? entry.frame.type;
    const [word, tone] = KINDS[kind] ?? [kind, "grey"];
    const words = el("span", {cls: "words"});
    const row = el(
      "details",
      {cls: `line ${fresh ? "fresh" : ""}`, "data-testid": `rider.log.row[${entry.frame?.seq ?? kind}]`, "data-kind": kind, "data-uuid": entry.uuid},
      el(
        "summary",
        {},
        el("time", {datetime: entry.at, title: entry.at}, clock(entry.at)),
        el("span", {cls: `tag ${tone}`}, icon(entry.kind === "call" ? "arrow_upward" : "arrow_downward", "xs"), word),
        el("span", {cls: "seq num", title: entry.frame ? "Number of the message within its instance" : null}, entry.frame ? String(entry.frame.seq) : "–"),
        words,
        icon("chevron_right", "s turn"),
      ),
    );
    this.#fill(entry, words);
    row.addEventListener("toggle", () => {
      if (row.open && row.children.length === 1) row.append(json(entry.frame ?? entry.raw ?? {message: entry.text}));
    });
    this.#place(el("li", {"data-at": this.#order(entry)}, row));
    this.#empty.hidden = true;
  }

  /** Names of nodes, learnt from the status: lines that waited for one are completed. */
  learn(names) {
    for (const [id, name] of names) this.#names.set(id, name);
    this.#waiting = this.#waiting.filter(({entry, words}) => {
      if (!this.#names.has(entry.frame.progressUpdateDTO.currentNodeId)) return true;
      this.#fill(entry, words);
      return false;
    });
  }

  clear() {
    this.#list.replaceChildren();
    this.#waiting = [];
    this.#empty.hidden = false;
  }

  #fill(entry, words) {
    const [text, named] = entry.frame ? frameInWords(entry.frame, this.#names) : [entry.text, null];
    words.replaceChildren(text, ...(named ? [el("b", {}, named)] : []), el("span", {cls: "of t3"}, entry.process ?? ""));
    const node = entry.frame?.progressUpdateDTO?.currentNodeId;
    if (node !== undefined && !this.#names.has(node) && !this.#waiting.some((one) => one.words === words)) this.#waiting.push({entry, words});
  }

  #order(entry) {
    return `${entry.at} ${String(entry.frame?.seq ?? 0).padStart(9, "0")}`;
  }

  /** By time, then number; a message that was handled late still stands where it belongs. */
  #place(item) {
    const later = [...this.#list.children].find((other) => other.dataset.at <= item.dataset.at);
    this.#list.insertBefore(item, later ?? null);
  }
}
