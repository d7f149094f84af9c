/**
 * One followed process instance as a card: its state, the way it went, what it told the rider, and the screen of the step it is
 * at. Frames say that something moved; where to, and what can be done there, is asked of the API.
 */
import {copyOf, el, icon} from "./dom.js";
import {message} from "./messages.js";
import {screenFor} from "./screens.js";
import {endInWords, hasEnded, placeInWords, STATES, STUCK, title} from "./words.js";

export class Card {
  /** `page`: {learn(names), call(run, action, data), failed(error), changed()}; `kept`: what the tab remembers of the run. */
  constructor(run, kept, page) {
    this.run = run;
    this.kept = kept;
    this.page = page;
    this.state = null;
    this.incident = false;
    this.farOff = false; // whether all it does for now is to wait for a day that is not today
    this.node = copyOf("run-template");
    this.node.dataset.testid = `rider.run[${kept.process ?? run.uuid}]`;
    this.node.dataset.uuid = run.uuid;
    this.#screens = this.node.querySelector(".screens");
    this.#head();
  }

  #screens;
  #shown = ""; // what the screens were made for; they stay as long as it is the same
  #asking = null;
  #askAgain = false;

  /** Shows a frame that arrived, or that the tab remembers. */
  show(frame) {
    if (frame.type === "data") this.node.querySelector(".messages").append(message(frame));
    if (frame.type === "state") this.#setState(frame.state.state, frame.state.incident);
  }

  /** Asks where the instance is. Calls during an answer under way are answered by one more question. */
  refresh() {
    if (this.#asking) this.#askAgain = true;
    else this.#asking = this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask() {
    do {
      this.#askAgain = false;
      try {
        await this.#readStatus();
      } catch (error) {
        return this.page.failed(error);
      }
    } while (this.#askAgain);
  }

  async #readStatus() {
    const status = await this.run.status();
    this.kept.process = status.processDefinitionName;
    this.kept.version = status.version;
    this.#head();
    this.#setState(status.state, status.exceptions.some((one) => one.state === "open"));
    const visits = status.tokens.flatMap((token) => token.nodesActionStates.map((visit) => ({...visit, token})));
    this.page.learn(new Map(visits.map((visit) => [visit.nodeId, visit.name])));
    this.#path(visits);
    const active = status.tokens.filter((token) => token.state === "ACTIVE");
    if (hasEnded(status.state)) return this.#over(status.state, visits.at(-1)?.name);
    this.#offer(await Promise.all(active.map((token) => this.#offerOf(token))));
  }

  /** The screen's values and until when the node waits, with the actions that can be run there now. */
  async #offerOf(token) {
    const {data, actions, waitsUntil} = await this.run.data(token.currentNodeId);
    const states = token.nodesActionStates.at(-1)?.actionStateData ?? {};
    return {token, data, waitsUntil, actions: actions.filter((action) => action.repeatable || !RAN.includes(states[action.id]?.state))};
  }

  #head() {
    const {process, version} = this.kept;
    this.node.querySelector("h2").textContent = title(process) || "Process";
    this.node.querySelector("h2").title = version ? `${process}, version ${version}` : "";
    const copy = this.node.querySelector(".uuid");
    copy.firstElementChild.textContent = `${this.run.uuid.slice(0, 8)}…${this.run.uuid.slice(-4)}`;
    copy.onclick = () => navigator.clipboard?.writeText(this.run.uuid);
  }

  #setState(state, incident) {
    this.state = state;
    this.incident = incident;
    const [words, tone, symbol] = incident ? ["Waits for a repair", "stop", "error"] : (STATES[state] ?? [state, "", "circle"]);
    const badge = this.node.querySelector(".badge");
    badge.className = `badge ${tone}`;
    badge.replaceChildren(icon(symbol), words);
    this.page.changed();
  }

  /** Where it has been and where it is. */
  #path(visits) {
    const sorted = [...visits].sort((one, other) => one.arrivedDate.localeCompare(other.arrivedDate));
    const rests = new Set(visits.filter(({token}) => token.state === "ACTIVE").map(({token}) => token.currentNodeId));
    const last = new Map(sorted.map((visit, index) => [visit.nodeId, index]));
    this.node.querySelector(".path").replaceChildren(
      ...sorted.map((visit, index) => {
        const here = rests.has(visit.nodeId) && last.get(visit.nodeId) === index;
        return el("li", {cls: here ? "here" : "", "aria-current": here ? "step" : null}, icon(here ? "radio_button_checked" : "check", "xs"), visit.name);
      }),
    );
  }

  #offer(offers) {
    const steps = offers.map(({token, actions, waitsUntil}) => [token.uuid, token.currentNodeId, actions.map((action) => action.name), waitsUntil]);
    const key = JSON.stringify([this.incident, steps]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.farOff = offers.length > 0 && offers.every(({actions, waitsUntil}) => !actions.length && isFarOff(waitsUntil));
    this.page.changed();
    const screens = offers.flatMap(({token, data, actions, waitsUntil}) => {
      const node = token.currentNodeName;
      const run = (name, values) => this.page.call(this.run, token.uuid, name, values).then(() => this.refresh());
      const context = {data, node, run, typed: (this.kept.typed ??= {}), changed: () => this.page.changed()};
      if (actions.length) return actions.map((action) => screenFor(action, context));
      return this.incident ? [] : [resting("hourglass_top", placeInWords(node, waitsUntil))];
    });
    if (this.incident) screens.unshift(resting("error", STUCK, "stuck"));
    this.#screens.replaceChildren(...screens);
  }

  #over(state, node) {
    const key = `over ${state}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#screens.replaceChildren(resting(state === "FINISHED" ? "task_alt" : "info", endInWords(state, node)));
  }
}

const resting = (symbol, text, tone = "") => el("div", {cls: `screen rest ${tone}`, role: "status", "data-testid": "rider.rest"}, icon(symbol), el("p", {}, text));

const DAY_MS = 86_400_000;
const isFarOff = (iso) => iso !== null && new Date(iso) - Date.now() > DAY_MS;
const RAN = ["COMPLETED", "SCHEDULED", "EXECUTING"];
